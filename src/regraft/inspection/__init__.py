"""What each layer of a network sees, on the user's own images, before and after training.

``look`` makes pictures and a page of them; the others return arrays, each for a ``subject_of`` a run or a backbone.
"""

from regraft.inspection.activation_maps import activation_maps
from regraft.inspection.attribution import grad_cam, integrated_gradients, occlusion
from regraft.inspection.before_after import change
from regraft.inspection.deep_dream import deep_dream
from regraft.inspection.faithfulness import faithfulness
from regraft.inspection.feature_visualisation import visualise
from regraft.inspection.filters import depthwise_filters, first_filters
from regraft.inspection.image_map import image_map
from regraft.inspection.look import look
from regraft.inspection.own_filter import filtered
from regraft.inspection.patches import top_patches
from regraft.inspection.receptive_field import receptive_fields
from regraft.inspection.rectified import reconstruction
from regraft.inspection.rewind import rewind
from regraft.inspection.subject import subject_of
from regraft.inspection.video import video

__all__ = [
    "activation_maps",
    "change",
    "deep_dream",
    "depthwise_filters",
    "faithfulness",
    "filtered",
    "first_filters",
    "grad_cam",
    "image_map",
    "integrated_gradients",
    "look",
    "occlusion",
    "receptive_fields",
    "reconstruction",
    "rewind",
    "subject_of",
    "top_patches",
    "video",
    "visualise",
]
