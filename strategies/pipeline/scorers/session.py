"""A model's file opened by the runtime, or in one line why it cannot be."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ....io.ground.errors import InputError

if TYPE_CHECKING:
    import onnxruntime


def opened_session(source: str | bytes, name: str, threads: int = 0) -> onnxruntime.InferenceSession:
    """Open a model from its file or its bytes; ``name`` is what errors call it, 0 threads are all of them."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.log_severity_level = 3
    try:
        return onnxruntime.InferenceSession(source, options, providers=["CPUExecutionProvider"])
    except Exception as error:
        told = str(error).splitlines()[0]
        if "opset" in told:
            own = f"onnxruntime {onnxruntime.__version__}"
            raise InputError(
                f"{name} is written for an ONNX opset that {own} does not run; write it for opset 18"
            ) from None
        raise InputError(f"{name} is not a model: {told}") from None
