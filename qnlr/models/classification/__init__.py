"""The variational classifier for scikit-learn."""
