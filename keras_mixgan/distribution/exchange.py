"""What devices exchange in a step where each has some of the components (JAX).

Of n devices, device d has components d, d + n, d + 2n, ... of either side, in
slots 0, 1, 2, ...; where they do not come out even, the last slots repeat a
component, and what they compute is dropped. All devices run one program: its
networks are those of the slots. Images go from every device to all, and so do
logits, so every device knows the whole table of payoffs, and with it the
mixture weights and the losses; weights of networks stay where they are.
"""

import contextlib
import dataclasses
import threading

from keras import ops

from keras_mixgan import stateless


@dataclasses.dataclass(frozen=True)
class Exchange:
    """The devices of a step, and the components they share out.

    Attributes:
        axis: Name of the mesh axis.
        devices: Its length, n.
        num_generators: Generators on all devices.
        num_discriminators: Discriminators on all devices.
    """

    axis: str
    devices: int
    num_generators: int
    num_discriminators: int

    def slots(self, total: int) -> int:
        """Components that a device has of `total`, repeated ones among them.

        Example:
        >>> Exchange("components", 4, 5, 3).slots(5)
        2
        """
        return -(-total // self.devices)

    def generate(self, images, generators, latents, labels, sizes: list):
        """Images of all generators, in their order.

        Discriminators on all devices judge them, so that their gradients are
        sums over devices.

        Args:
            images: Function from one generator, its latents, its labels or
                `None`, and its number of images, to these.
            generators: The networks, one a slot.
            latents: Float tensor (size, latent_dim) for each generator of all
                devices.
            labels: Int tensor (size,) for each, or `None` for each.
            sizes: Their ints. They differ by one at most, larger ones first.

        Returns:
            Float tensor (sum of sizes, ...), the same on all devices.
        """
        most = max(sizes)
        latents = self._pick([_padded(x, most) for x in latents])
        if labels[0] is None:
            labels = [None] * len(latents)
        else:
            labels = self._pick([_padded(x, most) for x in labels])
        made = [
            self._of_size(slot, sizes, images, *inputs)
            for slot, inputs in enumerate(
                zip(generators, latents, labels, strict=True)
            )
        ]
        whole = self._gather(
            ops.stack(made), self.num_generators, self._sum_of_slopes
        )
        if len(set(sizes)) == 1:
            return ops.reshape(whole, (-1, *whole.shape[2:]))
        return ops.concatenate(
            [whole[i, :size] for i, size in enumerate(sizes)]
        )

    def _pick(self, inputs: list) -> list:
        """One of all generators' inputs for each slot."""
        inputs = ops.stack(inputs)
        return [
            inputs[self._number(slot)]
            for slot in range(self.slots(self.num_generators))
        ]

    def _number(self, slot: int):
        """The generator in a slot, whose number depends on the device."""
        import jax

        first = jax.lax.axis_index(self.axis)
        return (first + slot * self.devices) % self.num_generators

    def _of_size(self, slot, sizes, images, generator, latents, labels):
        """A slot's images, padded where other generators make one more."""
        most, least = max(sizes), min(sizes)

        def of_size(size):
            own = None if labels is None else labels[:size]
            return _padded(images(generator, latents[:size], own, size), most)

        if most == least:
            return of_size(most)
        # Of unlike sizes, but devices run one program.
        return stateless.cond(
            self._number(slot) < sizes.count(most),
            lambda: of_size(most),
            lambda: of_size(least),
        )

    def all_columns(self, columns):
        """The columns of all discriminators.

        What follows is computed by all devices alike, so that gradients are
        each device's own.

        Args:
            columns: Float tensor (N, slots).

        Returns:
            Float tensor (N, num_discriminators), the same on all devices.
        """
        return ops.transpose(
            self._gather(
                ops.transpose(columns), self.num_discriminators, self._own_slots
            )
        )

    def total(self, terms: list, side: str):
        """Sum of a scalar that each component of a side has.

        Args:
            terms: Float scalars, one a slot.
            side: `"generator"` or `"discriminator"`.

        Returns:
            Float scalar, the same on all devices.
        """
        count = getattr(self, f"num_{side}s")
        terms = ops.stack([ops.cast(term, "float32") for term in terms])
        return ops.sum(self._gather(terms, count, self._own_slots))

    def _gather(self, local, total: int, backward):
        """Tensor (slots, ...) of each device to (total, ...) of all."""
        import jax

        @jax.custom_vjp
        def gather(local):
            whole = jax.lax.all_gather(local, self.axis)
            whole = whole.swapaxes(0, 1).reshape(-1, *local.shape[1:])
            return whole[:total]

        gather.defvjp(
            lambda local: (gather(local), None),
            lambda _, slopes: (backward(self._by_device(slopes)),),
        )
        return gather(local)

    def _by_device(self, slopes):
        """(total, ...) to (devices, slots, ...), zeros for repeated ones."""
        total, slots = len(slopes), self.slots(len(slopes))
        missing = slots * self.devices - total
        slopes = ops.pad(slopes, [(0, missing)] + [(0, 0)] * (slopes.ndim - 1))
        slopes = slopes.reshape(slots, self.devices, *slopes.shape[1:])
        return slopes.swapaxes(0, 1)

    def _own_slots(self, slopes):
        import jax

        return slopes[jax.lax.axis_index(self.axis)]

    def _sum_of_slopes(self, slopes):
        import jax

        return jax.lax.psum_scatter(slopes, self.axis)


def _padded(rows, size: int):
    missing = size - rows.shape[0]
    if not missing:
        return rows
    return ops.pad(rows, [(0, missing)] + [(0, 0)] * (len(rows.shape) - 1))


class _Current(threading.local):
    exchange: Exchange | None = None


_current = _Current()


@contextlib.contextmanager
def exchanging(exchange: Exchange):
    """Within it, a step runs on devices that have some components each."""
    previous, _current.exchange = _current.exchange, exchange
    try:
        yield
    finally:
        _current.exchange = previous


def current() -> Exchange | None:
    """The exchange of the step under way; `None` where a device has all."""
    return _current.exchange


def all_columns(columns):
    """`Exchange.all_columns`, or what was given where a device has all."""
    if _current.exchange is None:
        return columns
    return _current.exchange.all_columns(columns)


def total(terms: list, side: str):
    """`Exchange.total`, or the sum where a device has all components."""
    if _current.exchange is None or all(isinstance(x, int) for x in terms):
        return sum(terms)
    return _current.exchange.total(terms, side)
