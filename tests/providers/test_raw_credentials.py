"""Which header a key travels in over our own wire."""

import pytest

from llm_router.nouns import Billing
from llm_router.providers import vendors
from llm_router.providers.raw import _credentials
from llm_router.providers.vendors import Vendor


@pytest.mark.parametrize(
    ("vendor", "headers"),
    [
        (vendors.load()["anthropic"], {"authorization"}),
        (Vendor("own", "own", "anthropic", Billing.METERED), {"authorization", "x-api-key"}),
        (Vendor("own", "own", "openai_chat", Billing.METERED), {"authorization"}),
        (vendors.load()["gemini"], {"x-goog-api-key"}),
    ],
    ids=["Anthropic", "who speaks as Anthropic does", "who speaks as OpenAI does", "Gemini"],
)
def test_a_key_travels_as_the_vendor_reads_it(vendor, headers):
    sent = _credentials(vendor, "sk-fake")
    assert {name for name, value in sent.items() if "sk-fake" in value} == headers
    assert not any("sk-fake" in value for value in _credentials(vendor, None).values())
