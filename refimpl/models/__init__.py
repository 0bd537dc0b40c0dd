"""Model texts: recursion only, no arithmetic of their own."""
