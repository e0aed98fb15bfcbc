"""The sampler over HTTP: TensorFlow Serving's `predict` and a gallery.

From the bottom up: `limits`; `models`, which finds and loads samplers;
`predict`, from the bytes of a request to those of its answer; `guard`, the
checks of every request; `app`, the FastAPI routes; `server`, uvicorn. It is
meant for looking at images and for small loads. For production, run TensorFlow
Serving on the exported folder.
"""
