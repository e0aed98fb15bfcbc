"""The sampler over HTTP: TensorFlow Serving's `predict` and a gallery.

From the bottom up: `limits`; `models`, samplers found and
loaded; `predict`, a request's bytes to an answer's; `guard`, what every
request has to pass; `app`, the FastAPI routes; `server`, uvicorn. It is made
for a look at the images and for small loads; production is TensorFlow Serving
on the exported folder.
"""
