"""What an optimizer does with weight decay, found out by experiment."""
