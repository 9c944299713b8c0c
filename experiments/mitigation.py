"""Section V-C: error mitigation under noise, on four qubits."""

from qnlr.paper.script import main

if __name__ == "__main__":
    main("mitigation")
