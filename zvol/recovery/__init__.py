"""What the tool is for: bringing one volume, or ten thousand, back exactly once."""
