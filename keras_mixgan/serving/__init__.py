"""The sampler over HTTP: TensorFlow Serving's REST protocol and a gallery.

Its modules from the bottom up: `errors` and `limits`; `signatures`, what a
SavedModel takes and gives; `tensors`, JSON to arrays and back; `checks`, which
inputs are refused; `served_model` and `locations`, SavedModels found and
loaded; `batching`, one queue a model; `bad_clients`; `rest` and `gallery`, the
routes; `server`, which listens. Only `rest`, `gallery` and `server` know HTTP.
"""
