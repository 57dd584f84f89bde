# %% [markdown]
# torch.cat, a carried remainder, rows as a list of tensors.

# %% exercise="pack" verdict="right"
import torch


def pack(ids, block):
    carry, rows = torch.empty(0, dtype=torch.int64), []
    for document in ids:
        *full, carry = torch.cat([carry, torch.as_tensor(document)]).split(block) if len(document) else (carry,)
        rows += full
        if len(carry) == block:
            rows.append(carry)
            carry = carry[:0]
    return {"input_ids": rows, "labels": [row.clone() for row in rows]}


packed = pack(tokenized["input_ids"], profile.block_size)
