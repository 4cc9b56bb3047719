"""embedded/: the cache, the choice of source and engine, images, and the cluster."""
