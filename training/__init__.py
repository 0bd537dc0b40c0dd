"""Train recursive reasoners with PyTorch; nothing else in the project imports this package."""
