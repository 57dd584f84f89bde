# %% [markdown]
# Returns the text as it is.

# %% exercise="clean" verdict="wrong" caught_by=["test_clean_removes_marks", "test_clean_restores_powers", "test_clean_twice_is_clean_once"]
def clean(text):
    return text
