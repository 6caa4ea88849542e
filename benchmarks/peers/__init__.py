"""ganzoo against its peers on identical work: one process a contender, chunks in turn, ratios of neighbours in time."""
