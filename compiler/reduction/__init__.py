"""Makes a model that shows a fault smaller, by delta debugging over its nodes, outputs, sizes and weights."""
