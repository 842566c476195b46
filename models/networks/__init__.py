"""The networks that an architecture stands for: images in, class scores out."""
