# %% [markdown]
# Multiplies by ln 2.

# %% exercise="bits_per_byte" verdict="wrong" caught_by=["test_nats_become_bits"]
def bits_per_byte(nats, texts):
    return nats * math.log(2) / sum(len(text.encode("utf-8")) for text in texts)
