"""Any classification model of torchvision.models, by name."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar

from pydantic import ConfigDict

from adamcmp.components.data import Shape
from adamcmp.components.models._base import Model
from adamcmp.components.user_class import construct
from adamcmp.errors import ConfigError, nearest
from adamcmp.platform.torchvision_import import torchvision

if TYPE_CHECKING:
    from torch import nn


class Torchvision(Model):
    """A network of torchvision.models with random initial weights.

    Further arguments of its builder are set with ``+model.<argument>=<value>``. Grey images are
    repeated as three equal channels.

    Attributes:
        arch: The model's name in torchvision, such as ``resnet18``.
    """

    model_config = ConfigDict(extra="allow")

    arch: str = "resnet18"

    fuses: ClassVar[tuple[str, ...]] = ()
    traceable: ClassVar[bool] = False
    #: 1: parameters without gradient, those of unused auxiliary classifiers, are not decayed.
    revision: ClassVar[int] = 1
    affected_if: ClassVar[str] = "weights decay: those of the auxiliary classifiers decayed, too"

    @classmethod
    def revision_of(cls, settings: Mapping[str, Any]) -> int | None:
        """See `Component.revision_of`. Only the recorded norms changed."""
        auxiliary = settings.get("arch") in {"googlenet", "inception_v3"}
        return None if auxiliary and settings.get("aux_logits", True) else 0

    def build(self, shape: Shape) -> nn.Module:
        """See `Model.build`."""
        from torch import nn

        from adamcmp.components.layers import LogitsOnly, RepeatChannels

        models = torchvision("models")
        known = models.list_models(module=models)
        if self.arch not in known:
            raise ConfigError(
                f"model.arch={self.arch}: torchvision.models has no such classification model."
                f"{nearest(self.arch, known)}"
            )
        if len(shape.inputs) != 3 or shape.inputs[0] not in (1, 3):
            raise self.shape_error(shape, "gray or color images (1 or 3, H, W)")
        extra: dict[str, Any] = self.model_extra or {}
        builder = models.get_model_builder(self.arch)
        arguments = {"weights": None, "num_classes": shape.outputs, **extra}
        # These networks are built for images of one size.
        if "image_size" not in extra and self.arch.startswith("vit"):
            arguments["image_size"] = shape.inputs[1]
        network = LogitsOnly(construct(builder, arguments, "model"))
        return nn.Sequential(RepeatChannels(), network) if shape.inputs[0] == 1 else network
