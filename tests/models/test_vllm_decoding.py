from transformers import GenerationConfig

from tuneline.models.generate_method import resolve_generation
from tuneline.models.vllm_decoding import find_unknown, make_sampling

OWN = GenerationConfig(do_sample=True, temperature=0.6, top_p=0.8, repetition_penalty=1.05)
PROMPT = [5, 6, 7]


def sample(stated: dict, own: GenerationConfig = OWN) -> dict:
    return make_sampling(resolve_generation(stated, own), [2, 3], PROMPT, seed=11)


def test_what_is_stated_counts_then_what_the_model_says_then_what_generate_does():
    found = sample({"max_new_tokens": 9, "temperature": 0.3})
    assert found["temperature"] == 0.3
    assert (found["top_p"], found["repetition_penalty"]) == (0.8, 1.05)
    assert (found["top_k"], found["min_p"], found["min_tokens"]) == (50, 0.0, 0)
    assert (found["seed"], found["max_tokens"]) == (11, 9)


def test_greedy_decoding_draws_nothing_whatever_the_model_says():
    found = sample({"do_sample": False, "max_new_tokens": 9, "min_new_tokens": 2})
    assert found["temperature"] == 0.0
    assert not {"top_p", "top_k", "min_p", "seed"} & found.keys()
    assert found["min_tokens"] == 2
    assert (found["stop_token_ids"], found["ignore_eos"]) == ([2, 3], True)


def test_a_whole_length_leaves_the_answer_what_the_prompt_does_not_take():
    assert sample({"max_length": 40})["max_tokens"] == 37


def test_what_vllm_would_not_do_is_found_whoever_states_it():
    own = GenerationConfig(no_repeat_ngram_size=3, eos_token_id=2, output_attentions=False)
    assert find_unknown(resolve_generation({"max_new_tokens": 9}, OWN)) == []
    found = find_unknown(resolve_generation({"num_beams": 4, "top_k": 5}, own))
    assert found == ["no_repeat_ngram_size", "num_beams"]
    assert find_unknown(resolve_generation({"num_beams": 1, "no_repeat_ngram_size": 0}, own)) == []
