"""Memory bank and search, in float32: greedy k-center coreset, nearest rows, nominal radii.

The same rule as the product's (PatchCore, algorithm 1): Gaussian projection to 128, start at the row farthest from the
mean, then always the row farthest from the coreset. Picks are found among candidates above a bar and applied to all
rows in one matrix product: the same picks as one at a time.
"""

import numpy as np

PROJECTION = 128
CANDIDATES = 3_000
# The first rows of a greedy coreset cover space coarsely: distances to them bound the distances to all rows from above.
COARSE_ROWS = 256


def squared_norms(rows):
    return np.einsum("ij,ij->i", rows, rows)


def shrink(squared, points, norms, picks):
    """Lowers each point's squared distance to its nearest pick, in place."""
    chosen, halves = points[picks], norms[picks] / 2
    for at in range(0, len(points), 8_192):
        block = slice(at, at + 8_192)
        nearest = (points[block] @ chosen.T - halves).max(axis=1)
        np.minimum(squared[block], np.maximum(norms[block] - 2 * nearest, 0), out=squared[block])
    squared[picks] = 0


def coreset(rows, count, seed):
    """Indices of `count` rows, in the order in which they were picked."""
    generator = np.random.default_rng(seed)
    points = rows
    if rows.shape[1] > PROJECTION:
        points = rows @ (generator.standard_normal((rows.shape[1], PROJECTION), np.float32) / np.sqrt(np.float32(PROJECTION)))
    points = points - points.mean(axis=0)
    norms = squared_norms(points)
    picks = [int(norms.argmax())]
    squared = np.full(len(points), np.inf, np.float32)
    shrink(squared, points, norms, picks)
    while len(picks) < count:
        fresh = candidates_pass(points, norms, squared, count - len(picks))
        shrink(squared, points, norms, fresh)
        picks += fresh
    return np.array(picks)


def candidates_pass(points, norms, squared, most):
    """The next picks that are certain without looking at any row below the bar."""
    size = min(CANDIDATES, len(squared) - 1)
    top = np.argpartition(squared, len(squared) - size - 1)[len(squared) - size - 1 :]
    bar = squared[top].min()
    own, own_norms, left = points[top], norms[top], squared[top].copy()
    fresh = []
    while len(fresh) < most:
        at = int(left.argmax())
        if left[at] <= bar and fresh:
            break
        fresh.append(int(top[at]))
        np.minimum(left, np.maximum(own_norms + own_norms[at] - 2 * (own @ own[at]), 0), out=left)
        left[at] = -1
    return fresh


class Bank:
    """Rows of a coreset in the order of picking, so that a smaller bank is a prefix of a larger one."""

    def __init__(self, nominal, count, seed):
        """nominal: float32 [images, patches, dims]"""
        flat = nominal.reshape(-1, nominal.shape[-1])
        self.centre = flat.mean(axis=0)
        picks = coreset(flat, min(count, len(flat)), seed)
        self.rows = flat[picks] - self.centre
        self.image = picks // nominal.shape[1]
        # One matrix product gives t.m - |m|^2 / 2, whose largest is the nearest row's.
        self.augmented = np.ascontiguousarray(np.hstack([self.rows, -squared_norms(self.rows)[:, None] / 2]).T)

    def similarities(self, patches):
        centred = patches - self.centre
        return np.hstack([centred, np.ones((len(patches), 1), np.float32)]) @ self.augmented, squared_norms(centred)

    def distances(self, images, counts):
        """Euclidean distance of each patch to its nearest row, of the first n rows for n of `counts`.

        images: float32 [images, patches, dims]; returns float32 [len(counts), images, patches]"""
        found = np.empty((len(counts), *images.shape[:2]), np.float32)
        for i, patches in enumerate(images):
            for at in range(0, len(patches), 400):
                similar, norms = self.similarities(patches[at : at + 400])
                for j, count in enumerate(counts):
                    nearest = similar[:, :count].max(axis=1)
                    found[j, i, at : at + 400] = np.sqrt(np.maximum(norms - 2 * nearest, 0))
        return found

    def largest(self, images, counts):
        """The largest patch distance of each image, [len(counts), images]: what `distances` gives, without the others.

        A patch is compared with all rows only while its distance to the first rows exceeds the largest found."""
        found = np.zeros((len(counts), len(images)), np.float32)
        for i, patches in enumerate(images):
            centred = np.hstack([patches - self.centre, np.ones((len(patches), 1), np.float32)])
            norms = squared_norms(centred[:, :-1])
            bounds = norms - 2 * (centred @ self.augmented[:, :COARSE_ROWS]).max(axis=1)
            order = np.argsort(-bounds)
            best = np.full(len(counts), -np.inf, np.float32)
            at, size = 0, 32
            while at < len(order) and bounds[order[at]] > best.min():
                chosen = order[at : at + size]
                similar = centred[chosen] @ self.augmented
                for j, count in enumerate(counts):
                    exact = norms[chosen] - 2 * similar[:, :count].max(axis=1)
                    best[j] = max(best[j], exact.max())
                at, size = at + size, size * 2
            found[:, i] = np.sqrt(np.maximum(best, 0))
        return found

    def nearest(self, images, count, own=None):
        """Distance to and index of the nearest of the first `count` rows; rows of image own[i] are left out of image i."""
        distances = np.empty(images.shape[:2], np.float32)
        indices = np.empty(images.shape[:2], np.int32)
        for i, patches in enumerate(images):
            for at in range(0, len(patches), 400):
                similar, norms = self.similarities(patches[at : at + 400])
                similar = similar[:, :count]
                if own is not None:
                    similar[:, self.image[:count] == own[i]] = -np.inf
                nearest = similar.argmax(axis=1)
                largest = similar[np.arange(len(similar)), nearest]
                distances[i, at : at + 400] = np.sqrt(np.maximum(norms - 2 * largest, 0))
                indices[i, at : at + 400] = nearest
        return distances, indices

    def radii(self, nominal, count, weight=10.0):
        """Nominal radius of each row: the mean distance of the nominal patches (of other images) that it is nearest to,
        drawn towards the mean of all as if `weight` patches more lay at that distance."""
        distances, indices = self.nearest(nominal, count, own=np.arange(len(nominal)))
        overall = float(distances.mean())
        hits = np.bincount(indices.ravel(), minlength=count)
        sums = np.bincount(indices.ravel(), weights=distances.ravel(), minlength=count)
        return ((sums + weight * overall) / (hits + weight)).astype(np.float32), distances
