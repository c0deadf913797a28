"""The labs in JupyterLab and a browser, as a reader has them: make lab-test."""
