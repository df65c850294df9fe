"""The interface of kernel families: requests go in; candidates, code and parameters come out."""
