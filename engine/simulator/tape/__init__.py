"""From a store's rows to a tape: its life, its book rebuilt, its columns kept."""
