"""One additive Gaussian process: kernel, fit, conditioning, and three views of it.

- ``matern``: the kernel, a sum of Matérn kernels over blocks of features.
- ``hyperparameters``: length scales, variances and noise; priors and optimisers.
- ``conditioning``, ``sparse``: the marginal likelihood, or its collapsed bound with inducing
  points, and the process given its labels, which can be conditioned on one more point at a time.
- ``regressors``: predictors; ``candidates``: over a candidate set; ``botorch_model``: for
  acquisitions.
"""
