"""TorchServe's side: JSON in, the scores of the candidates out; one thread."""

import json

import torch
from ts.torch_handler.base_handler import BaseHandler


class Handler(BaseHandler):
    """Loads the exported module once."""

    def initialize(self, context):
        torch.set_num_threads(1)
        self.model = torch.jit.load(context.system_properties["model_dir"] + "/ncf.pt")
        self.initialized = True

    def preprocess(self, data):
        body = data[0].get("body") or data[0].get("data")
        body = json.loads(body) if isinstance(body, bytes | bytearray) else body
        return torch.tensor(body["history"]), torch.tensor(body["candidates"])

    def inference(self, data):
        with torch.inference_mode():
            return self.model(*data)

    def postprocess(self, scores):
        return [scores.tolist()]
