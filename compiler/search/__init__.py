"""Which ops eight bits hurt, and the cheapest mixture of formats that is good enough."""
