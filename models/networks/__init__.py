"""Networks of architectures: images in, class scores out."""
