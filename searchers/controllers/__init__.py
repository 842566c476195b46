"""Searches by a controller, a recurrent network that draws the decisions of an architecture.

Zoph and Le, *Neural Architecture Search with Reinforcement Learning*, ICLR 2017 (arXiv:1611.01578);
Pham, Guan, Zoph, Le and Dean, *Efficient Neural Architecture Search via Parameter Sharing*,
ICML 2018 (arXiv:1802.03268); for graph networks Gao, Yang, Zhang, Zhou and Hu, *Graph Neural
Architecture Search*, IJCAI 2020. Settings are those of AutoGL-light, and ours.
"""
