"""What the neural models share: batches, softmax over many items, and the loop that trains. Needs torch."""
