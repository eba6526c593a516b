"""The `presscheck` command: the product from a terminal, for people and for scripts."""
