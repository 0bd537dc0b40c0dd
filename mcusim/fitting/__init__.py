"""The best configuration of a network for a part: candidates, a race, a front to choose on."""
