# %% [markdown]
# Nats per byte.

# %% exercise="bits_per_byte" verdict="wrong" caught_by=["test_nats_become_bits"]
def bits_per_byte(nats, texts):
    return nats / sum(len(text.encode("utf-8")) for text in texts)
