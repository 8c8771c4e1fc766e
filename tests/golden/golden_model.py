"""A model of the user's own, for the golden runs: it has a buffer, dropout and a frozen parameter."""

import torch
from torch import nn


class Net(nn.Module):
    def __init__(self, inputs, outputs, width):
        super().__init__()
        self.hidden = nn.Linear(inputs[0], width)
        self.norm = nn.BatchNorm1d(width)
        self.dropout = nn.Dropout(0.1)
        self.head = nn.Linear(width, outputs)
        self.scale = nn.Parameter(torch.ones(1), requires_grad=False)

    def forward(self, x):
        return self.head(self.dropout(torch.relu(self.norm(self.hidden(x))))) * self.scale
