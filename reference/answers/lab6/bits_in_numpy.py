# %% [markdown]
# numpy, and the bytes one by one.

# %% exercise="bits_per_byte" verdict="right"
def bits_per_byte(nats, texts):
    sizes = np.array([len(bytearray(text, "utf-8")) for text in texts])
    return np.float64(nats) / (np.log(2.0) * sizes.sum())
