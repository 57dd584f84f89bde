# %% [markdown]
# Gives each text an equal share of the nats, and takes the mean.

# %% exercise="bits_per_byte" verdict="wrong" caught_by=["test_bytes_are_utf8"]
def bits_per_byte(nats, texts):
    return np.mean([nats / len(texts) / math.log(2) / len(text.encode("utf-8")) for text in texts])
