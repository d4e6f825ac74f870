"""Dataset distillation in plain PyTorch: the other side, and an oracle.

Written from the papers, as a user of the field would write it: a loop over the
classes, one network at a time, `create_graph` where a gradient is matched.
Images are NCHW. Everything follows the dtype and the device of its inputs, so
in float64 it is the oracle of `tests/reference`, and in float32 the other side
of `python -m rdd_jax.bench`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import torch  # pyright: ignore[reportMissingImports]
from torch import Tensor, nn  # pyright: ignore[reportMissingImports]
import torch.nn.functional as F  # pyright: ignore[reportMissingImports]

Distance = Callable[[Sequence[Tensor], Sequence[Tensor]], Tensor]


class ConvNet(nn.Module):
  """Blocks of conv3x3, instance norm, ReLU and 2x2 mean; a linear head."""

  def __init__(
    self,
    *,
    channels: int,
    classes: int,
    image: int,
    width: int = 128,
    depth: int = 3,
  ):
    super().__init__()
    blocks = []
    # The field enlarges MNIST-like images to 32x32, to halve evenly.
    first = 3 if (image, channels) == (28, 1) else 1
    side = (image + 2 * (first - 1)) // 2**depth
    for index in range(depth):
      fan_in, padding = (width, 1) if index else (channels, first)
      blocks += [
        nn.Conv2d(fan_in, width, 3, padding=padding),
        nn.GroupNorm(width, width),
        nn.ReLU(),
        nn.AvgPool2d(2),
      ]
    self.features = nn.Sequential(*blocks)
    self.head = nn.Linear(width * side**2, classes)

  def embed(self, images: Tensor) -> Tensor:
    return self.features(images).flatten(1)

  def forward(self, images: Tensor) -> Tensor:
    return self.head(self.embed(images))


def load(net: ConvNet, params: Mapping[str, Any]) -> None:
  """Copies flax parameters into a network: HWIO to OIHW, HWC rows to CHW.

  Args:
    net: the network, changed in place.
    params: flax parameters of the same architecture.
  """
  flat = from_flax(net, params)
  with torch.no_grad():
    for ours, theirs in zip(net.parameters(), flat, strict=True):
      ours.copy_(theirs)


def from_flax(net: ConvNet, tree: Mapping[str, Any]) -> list[Tensor]:
  """Returns a flax tree of parameters in the order and layout of `net`.

  Args:
    net: the network that has this order and layout.
    tree: flax parameters, or a tree like them, such as their gradient.
  """
  tensors = []
  depth = sum(isinstance(layer, nn.Conv2d) for layer in net.features)
  for block in range(depth):
    conv, norm = tree[f'Conv_{block}'], tree[f'GroupNorm_{block}']
    kernel = np.transpose(np.asarray(conv['kernel']), (3, 2, 0, 1))
    tensors += [kernel, conv['bias'], norm['scale'], norm['bias']]
  head = tree['Dense_0']
  width = tensors[-1].shape[0]
  kernel = np.asarray(head['kernel'])
  side = round((kernel.shape[0] // width) ** 0.5)
  kernel = kernel.reshape(side, side, width, -1).transpose(3, 2, 0, 1)
  tensors += [kernel.reshape(kernel.shape[0], -1), head['bias']]
  return [torch.tensor(np.array(tensor)) for tensor in tensors]


def sgd(net: nn.Module, lr: float = 0.01) -> torch.optim.SGD:
  return torch.optim.SGD(
    net.parameters(), lr=lr, momentum=0.9, weight_decay=5e-4
  )


def training_step(
  net: nn.Module,
  optimizer: torch.optim.Optimizer,
  images: Tensor,
  labels: Tensor,
) -> Tensor:
  optimizer.zero_grad()
  loss = F.cross_entropy(net(images), labels)
  loss.backward()
  optimizer.step()
  return loss.detach()


def cosine_distance(
  left: Sequence[Tensor], right: Sequence[Tensor], eps: float = 1e-6
) -> Tensor:
  """Computes `D = sum_i 1 - <A_i, B_i> / (|A_i| |B_i|)` over output rows i.

  Biases and norms, of rank 1, are skipped.

  Args:
    left: gradients A, one tensor for each parameter.
    right: gradients B of the same shapes.
    eps: is added to the product of the norms.

  Source: dataset condensation with gradient matching (DC), equation 9.
  """
  total = left[0].new_zeros(())
  for a, b in zip(left, right, strict=True):
    if a.dim() > 1:
      a, b = a.flatten(1), b.flatten(1)
      norms = a.norm(dim=1) * b.norm(dim=1)
      total = total + (1 - (a * b).sum(1) / (norms + eps)).sum()
  return total


def squared_distance(left: Sequence[Tensor], right: Sequence[Tensor]) -> Tensor:
  """Computes `sum |A - B|^2` over convolution kernels (IDC).

  Args:
    left: gradients A, one tensor for each parameter.
    right: gradients B of the same shapes.
  """
  pairs = [(a, b) for a, b in zip(left, right, strict=True) if a.dim() == 4]
  return torch.stack([(a - b).square().sum() for a, b in pairs]).sum()


def absolute_distance(
  left: Sequence[Tensor], right: Sequence[Tensor]
) -> Tensor:
  """Computes `sum |A - B|_1` over convolution kernels (IDC).

  Args:
    left: gradients A, one tensor for each parameter.
    right: gradients B of the same shapes.
  """
  pairs = [(a, b) for a, b in zip(left, right, strict=True) if a.dim() == 4]
  return torch.stack([(a - b).abs().sum() for a, b in pairs]).sum()


def gradient_matching_step(
  net: nn.Module,
  synthetic: Tensor,
  real: Tensor,
  distance: Distance = cosine_distance,
) -> tuple[Tensor, Tensor]:
  """Takes one DC step: distances of all classes, and the images' gradient.

  Args:
    net: the network whose gradients are matched.
    synthetic: `f[classes, ipc, C, H, W]`.
    real: `f[classes, n, C, H, W]`.
    distance: between two lists of gradients.

  Returns:
    The distance of each class `f[classes]`, and the gradient of their sum.
  """
  images = synthetic.clone().requires_grad_()
  parameters = list(net.parameters())
  distances = []
  for label, (ours, theirs) in enumerate(zip(images, real, strict=True)):
    target = torch.autograd.grad(class_loss(net, theirs, label), parameters)
    target = [gradient.detach() for gradient in target]
    gradient = torch.autograd.grad(
      class_loss(net, ours, label), parameters, create_graph=True
    )
    loss = distance(gradient, target)
    loss.backward(inputs=[images])
    distances.append(loss.detach())
  assert images.grad is not None
  return torch.stack(distances), images.grad


def class_loss(net: nn.Module, images: Tensor, label: int) -> Tensor:
  labels = torch.full((len(images),), label, device=images.device)
  return F.cross_entropy(net(images), labels)


def distribution_matching_step(
  net: ConvNet, synthetic: Tensor, real: Tensor
) -> tuple[Tensor, Tensor]:
  """Takes one DM step: distances of all classes, and the images' gradient.

  The distance of a class is the squared distance between mean embeddings.

  Args:
    net: the network that embeds.
    synthetic: `f[classes, ipc, C, H, W]`.
    real: `f[classes, n, C, H, W]`.

  Returns:
    The distance of each class `f[classes]`, and the gradient of their sum.
  """
  images = synthetic.clone().requires_grad_()
  distances = []
  for ours, theirs in zip(images, real, strict=True):
    with torch.no_grad():
      target = net.embed(theirs).mean(0)
    distances.append((net.embed(ours).mean(0) - target).square().sum())
  losses = torch.stack(distances)
  losses.sum().backward(inputs=[images])
  assert images.grad is not None
  return losses.detach(), images.grad


def train_seeds(
  build: Callable[[], nn.Module],
  images: Tensor,
  labels: Tensor,
  *,
  seeds: int,
  steps: int,
  lr: float = 0.01,
) -> list[nn.Module]:
  """Trains networks one after another on full batches of the images.

  Args:
    build: makes a network, initialized by torch's global seed.
    images: `f[n, C, H, W]`.
    labels: `i[n]`.
    seeds: number of networks.
    steps: SGD steps of each.
    lr: learning rate.
  """
  nets = []
  for seed in range(seeds):
    torch.manual_seed(seed)
    net = build().to(images)
    optimizer = sgd(net, lr)
    for _ in range(steps):
      training_step(net, optimizer, images, labels)
    nets.append(net)
  return nets


def unrolled_gradient(
  net: nn.Module, images: Tensor, labels: Tensor, steps: int, lr: float = 0.01
) -> tuple[Tensor, Tensor, Tensor]:
  """Differentiates the squared distance that a student travels.

  Args:
    net: whose parameters are where the student starts.
    images: `f[n, C, H, W]`, all of them in each of `steps` SGD steps.
    labels: `i[n]`.
    steps: of the student.
    lr: its step size, differentiated as well.

  Returns:
    The squared distance, and its gradients in the images and the step size.
  """
  images = images.clone().requires_grad_()
  rate = images.new_tensor(lr).requires_grad_()
  names, start = zip(*net.named_parameters(), strict=True)
  start = [value.detach() for value in start]
  current = [value.clone().requires_grad_() for value in start]
  for _ in range(steps):
    logits = torch.func.functional_call(
      net, dict(zip(names, current, strict=True)), (images,)
    )
    loss = F.cross_entropy(logits, labels)
    grads = torch.autograd.grad(loss, current, create_graph=True)
    current = [w - rate * g for w, g in zip(current, grads, strict=True)]
  pairs = zip(current, start, strict=True)
  distance = torch.stack([(a - b).square().sum() for a, b in pairs]).sum()
  of_images, of_rate = torch.autograd.grad(distance, (images, rate))
  return distance.detach(), of_images, of_rate
