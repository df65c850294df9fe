"""From scalar expressions of the IR to statements of C: loads, lanes, loops, reductions, epilogues."""
