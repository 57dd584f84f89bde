# %% [markdown]
# Counts a line end after every text but the last.

# %% exercise="bits_per_byte" verdict="wrong" caught_by=["test_bytes_are_utf8"]
def bits_per_byte(nats, texts):
    return nats / math.log(2) / len("\n".join(texts).encode("utf-8"))
