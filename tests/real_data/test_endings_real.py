"""What public chats ended on, as the page publishes it: read by a person, and by the rules."""

from __future__ import annotations

import narwhals as nw
import polars as pl
import pytest
from tests.real_data.endings_read import REASONS, SILENT
from tests.real_data.findings_read import _jd_dialogues, _jd_sessions, _taobao

from csinsight.behaviours.endings import PUBLIC_NAMED, PUBLIC_READ, last_lines, read_endings
from csinsight.behaviours.lexicon import load_lexicon
from csinsight.features.conversations import with_turns

pytestmark = pytest.mark.real_data


@pytest.fixture(scope="module")
def endings(shared_data):
    said = [*_jd_sessions(shared_data), *_jd_dialogues(shared_data), *_taobao(shared_data)]
    names = ["conversation_id", "sender", "text"]
    lines = pl.DataFrame(said, schema=names, orient="row").with_row_index("message_no")
    wanted = {*REASONS, *SILENT}
    # The satisfaction set closes each dialogue by a mark of its own.
    lines = lines.filter(pl.col("conversation_id").is_in(wanted), pl.col("text") != "OVERALL")
    lines = lines.with_columns(
        pl.col("text").str.normalize("NFKC"), pl.lit(None, dtype=pl.Int64).alias("sent_at_ms")
    )
    numbered = with_turns(nw.from_native(lines.lazy()))
    return read_endings(last_lines(numbered), load_lexicon())["reason"]


def test_the_published_accuracy_is_what_was_read(endings):
    fair = {name: set(told.split("|")) for name, told in REASONS.items()}
    fair |= {name: {"silent"} for name in SILENT}
    right = {name for name, reason in endings.items() if reason in fair[name]}
    named = set(endings[endings != "silent"].index)
    assert (len(endings), len(right)) == PUBLIC_READ
    assert (len(named), len(named & right)) == PUBLIC_NAMED
