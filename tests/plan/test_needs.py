"""What a request needs of a model, as far as the plan can know it."""

from llm_router.nouns import WebSearch, ask
from llm_router.plan.filter import needs


def test_a_search_of_the_web_keeps_no_model_out_of_the_plan_because_its_dialect_knows_better():
    sketch = ask("news?", web_search=WebSearch(), needs=frozenset({"web", "tools"}))
    assert needs(sketch) == {"tools"}
    assert needs(ask("news?", web_search=WebSearch())) == frozenset()
