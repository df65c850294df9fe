"""The rule names under which the search for a mixture of formats writes to the ledger."""

SEARCH, MIXTURE = "precision-search", "precision-mixture"
SUMMARIES = {
    SEARCH: "a fused op in eight bits, where a budget allows it and time is saved",
    MIXTURE: "a mixture of formats that was considered for a budget",
}
