"""The programming interface of the public ``nasbench`` package, on our own reader."""
