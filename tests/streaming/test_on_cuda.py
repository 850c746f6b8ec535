"""On a graphics card a streamed model gives the same latents and sound as on the processor."""

import numpy as np
import pytest
import torch

import rtrave
from rtrave.backends.graph_shape import GraphShape
from rtrave.backends.torch import TorchBackend

pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a graphics card")


@pytest.mark.parametrize("name", ["strings", "winds"])
def test_equals_the_processor(name):
    model = rtrave.load(name)
    shape = GraphShape(hop=4 * model.spec.ratio)
    backends = [TorchBackend(model, shape, device) for device in ("cpu", "cuda")]
    generator = np.random.default_rng(0)
    with torch.backends.cudnn.flags(allow_tf32=False):
        for _ in range(3):
            x = generator.standard_normal((1, shape.hop, 1)).astype(np.float32) / 8
            draws = {
                kind: generator.random((1, 4 * rows, width)).astype(np.float32)
                for kind, (rows, width) in backends[0].draw_shapes().items()
            }
            (mean, std), (cuda_mean, cuda_std) = (backend.encode(x) for backend in backends)
            np.testing.assert_allclose(cuda_mean, mean, atol=1e-3)
            np.testing.assert_allclose(cuda_std, std, atol=1e-3)
            y, cuda_y = (backend.decode(mean, draws) for backend in backends)
            np.testing.assert_allclose(cuda_y, y, atol=1e-4)
