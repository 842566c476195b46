"""Networks of architectures: images, or the nodes of a graph, in; class scores out."""
