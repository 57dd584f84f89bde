# %% [markdown]
# Turns nats into bits with log2(e), and counts the bytes of all texts joined.

# %% exercise="bits_per_byte" verdict="right"
def bits_per_byte(nats, texts):
    n_bytes = len("".join(texts).encode())
    return nats * math.log2(math.e) / n_bytes
