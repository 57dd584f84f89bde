# %% [markdown]
# Divides by characters.

# %% exercise="bits_per_byte" verdict="wrong" caught_by=["test_bytes_are_utf8"]
def bits_per_byte(nats, texts):
    return nats / math.log(2) / sum(len(text) for text in texts)
