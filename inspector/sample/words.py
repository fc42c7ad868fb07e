"""The words that generated memories are made of, most usual first where order matters."""

from __future__ import annotations


def _words(text: str) -> tuple[str, ...]:
    return tuple(text.split())


AGENTS = _words("""
atlas harbor sage wren lantern juniper pilot quill ember otter cedar marlin heron tally scout
beacon rowan compass finch anchor cobalt maple tern delta saffron willow orbit plover granite lark
mosaic nimbus opal petrel quartz raven sable thistle umber vesper walnut yarrow zephyr almond
birch clover dune elm fjord garnet
""")

POPULAR_TAGS = (
    ("work", 0.30),
    ("chat", 0.24),
    ("python", 0.19),
    ("bug", 0.15),
    ("customer", 0.12),
    ("decision", 0.09),
    ("lesson", 0.07),
    ("how-to", 0.06),
    ("pinned", 0.05),
)
"""Each with the share of items that carries it."""

NOUNS = _words("""
request store session memory index query error cache user test message file table record queue
worker token model customer ticket time log deploy release plan report answer invoice account
project branch commit review meeting lesson problem example server client network disk process
thread batch event schema column row key value limit retry delay budget backup snapshot restore
migration version change history search result page cursor filter tag agent prompt context
document paragraph summary note draft letter contract order delivery payment refund warehouse
shelf parcel address calendar appointment reminder alarm chart graph equation fraction bracket
sign exercise exam grammar verb particle sentence dialogue accent recipe kitchen garden window
lamp door train station bridge river weather storm coast island harbour map compass lantern signal
sensor meter pump valve engine battery cable screen keyboard mouse button panel menu theme font
layout border colour icon parser compiler linter formatter package module function method class
field constant import exception traceback assertion fixture mock coverage benchmark profile heap
stack buffer socket packet header body cookie certificate password secret permission role audit
policy tenant region cluster replica leader follower quorum lease lock mutex transaction journal
checkpoint segment block footer digest hash checksum signature dictionary codec stream pipeline
stage step task job schedule timer clock zone locale language translation glossary dataset sample
label feature vector distance neighbour threshold ranking relevance hospital patient dose nurse
shift bakery oven flour bicycle wheel airline passenger gate crew bank transfer balance statement
shipment container port crane research buoy salinity current depth temperature voltage turbine
grid substation outage
""")

VERBS = _words("""
check open close read write send receive ask answer fix test build deploy start stop retry load
store query index search filter sort merge split parse render draw copy move rename delete restore
archive import export sync flush seal compress hash sign verify encrypt mask measure profile trace
log count sum group join scan seek fetch cache evict expire renew lock release queue schedule
delay cancel resume pause watch notify warn report review approve reject revert rebase tag label
link unlink compare diff patch update replace insert append trim pad wrap format validate convert
encode decode translate explain teach learn repeat practise solve simplify factor derive plot
order pack ship invoice refund charge confirm escalate assign collect record inspect repair drain
refill heat cool
""")

ADJECTIVES = _words("""
new old slow fast small large empty full open wrong right last first second short long simple hard
late early quiet busy stale fresh local remote hidden public private shared frozen partial broken
flaky stable safe unsafe lost known unknown common rare usual odd nightly weekly monthly manual
automatic pending failed blocked archived pinned nested duplicate missing extra minor major
critical harmless temporary permanent optional required cold warm bright dark heavy light narrow
wide deep shallow northern southern coastal
""")

PEOPLE = _words("""
Mira Jonas Priya Tomoko Ingunn Sam Colm Dee Noor Elif Ana Fatima Jelle Ulrike Hamish Keiko Xiaomei
Per Astrid Bram Chidi Dalia Emeka Farid Gita Hana Ivo Jana Kofi Lena Marek Nadia Omar Paula Quinn
Rosa Sven Tariq Uma Vera Wanda Ximena Yara Zoltan Aoife Bilal Celeste Dmitri Esther Felix Greta
Hugo Imani Joaquin Katya Liam Mei Nils Olga Pablo Ravi Saskia Thabo
""")

PREFIXES = ("re", "un", "pre", "auto", "sub", "inter", "over", "co", "non", "multi")

IRREGULAR = {
    "read": "read",
    "write": "written",
    "send": "sent",
    "build": "built",
    "split": "split",
    "draw": "drawn",
    "seek": "sought",
    "teach": "taught",
    "rename": "renamed",
    "heat": "heated",
}
"""Past participles that no rule makes."""

DOUBLING = frozenset(_words("stop scan trim pad wrap plot ship tag log plan drop"))
"""Verbs whose last consonant doubles before an ending."""

TEMPLATES = (
    "{person} {verbed} the {adjective} {noun} before the {noun} was {verbed}.",
    "The {noun} was {verbed} twice, then the {adjective} {noun} stopped.",
    "`{code}` is {verbed} by the {noun}, not by the {noun}.",
    "After the {noun} was {verbed}, {person} saw {number} {noun}s instead of {number}.",
    "Do not {verb} the {noun} while a {noun} is {verbing}.",
    "{person} asked why the {noun} is {adjective}.",
    "Measured {number} ms for the {adjective} {noun}.",
    "It is the {compound} that matters.",
    "Next: {verb} the {noun} and {verb} `{code}`.",
    "We agreed to {verb} each {noun} with a {adjective} {noun}.",
    "The old {noun} said {number}, the new one says {number}.",
    "When the {noun} is {adjective}, {verb} it and {verb} the {noun}.",
    "{person} prefers a {adjective} {noun} to a {adjective} {noun}.",
    "Nothing was lost: the {noun} had {number} entries and the {compound} has them all.",
    "The cause was in `{code}`, where a {noun} could be {verbed} too early.",
    "A {adjective} {noun} is no excuse for a {adjective} {noun}, {person} said.",
    "Only the {noun} of {person} is affected, {number} cases so far.",
    "Tried {verbing} the {noun} with `{code}`; it helped a little.",
    "If the {compound} fails again, {verb} the {noun} and call {person}.",
    "The {noun} is {verbed} every {number} minutes unless it is {adjective}.",
    "{verbing} a {noun} takes longer than {verbing} a {noun}.",
    "What looked like a {adjective} {noun} turned out to be a {derived} {noun}.",
    "{person} and {person} compared the {noun} with the {compound}.",
    "The {derived} path was never {verbed}, so nobody noticed.",
    "Keep the {noun} {adjective}; `{code}` depends on it.",
    '{person}: "{verb} the {noun} now, {verb} the {noun} tomorrow."',
    "There are {number} {adjective} {noun}s left in the {noun}.",
    "`{code}` returns a {adjective} {noun} where a {derived} one was expected.",
    "Between {number} and {number} the {noun} behaves, above that it is {adjective}.",
    "For {person} the {noun} comes first and the {compound} second.",
    "No {noun} may be {verbed} without {person}'s word.",
    "The {adjective} {noun} in the {noun} has been {verbed} since Tuesday.",
    "Still unclear: who {verbed} the {compound}, and when.",
    "Replaced `{code}` by `{code}` and {verbed} the {noun} once more.",
    "{person} will {verb} the {adjective} {noun} on Friday.",
    "Ran it {number} times: {number} {noun}s, all {adjective}.",
    "This {noun} and that {noun} share one {compound}.",
    "Somebody had {verbed} the {noun} by hand, hence the {adjective} {noun}.",
    "Wrote to {person} about the {adjective} {noun}.",
    "A {noun} with {number} {noun}s is {adjective}, whatever {person} thinks.",
    "Without `{code}` there would be no {noun} to {verb}.",
    "Customers notice a {adjective} {noun} sooner than a {adjective} {noun}.",
    "{person} showed how to {verb} a {derived} {noun}.",
    "Postponed: {verbing} the {compound}, {verbing} the {noun}.",
    "Both {noun}s were {verbed}, one of them by {person}.",
    "Remember that `{code}` counts each {noun} from zero.",
    "The answer was {number}; the {noun} in the book says {number}.",
    "Every {adjective} {noun} needs an owner, and this one has {person}.",
    "Moved the {noun} out of `{code}`, since {person} wants to {verb} it alone.",
    "Rather {verb} one {noun} too many than leave a {derived} {noun} behind.",
    "During the night the {noun} grew to {number} {noun}s.",
    "Thanks to {person} the {compound} is {adjective} again.",
    "Perhaps the {noun} can be {verbed} without the {noun}.",
    "Learnt today: a {noun} is {verbed}, a {noun} is only {verbed} later.",
    "Version {number} {verbed} the {noun} differently.",
    "Where the {noun} ends, the {adjective} {noun} begins.",
    "Confirmed with {person}: {number} is right for the {noun}.",
    "Asked for a {adjective} {noun}, got a {compound}.",
    "Three of the {noun}s were {adjective}, the fourth {derived}.",
    "Look at `{code}` before you {verb} any {noun}.",
    "Its {noun} should stay {adjective} until {person} has {verbed} the {noun}.",
    "Two {noun}s, one {compound}, no {noun}.",
)

OPENERS = {
    "episodic": ("Looked into", "Talked about", "Finished", "Paused on", "Handed over", "Saw"),
    "semantic": ("Worth knowing about", "Note on", "What we found about", "Fact:", "Background on"),
    "procedural": ("How to handle", "Steps for", "Before touching", "Checklist for"),
    "declarative": ("Decision on", "Rule for", "Agreed:", "Setting of"),
    "working": ("Now:", "Open question on", "Do next:", "Remember for a moment:"),
}

CHINESE = (
    "用户问为什么搜索变慢了",
    "原因是索引没有更新",
    "重启以后问题消失",
    "明天再检查一次日志",
    "李晓梅希望先看到结果",
    "备份已经完成",
    "请求超时的次数减少了一半",
    "这个设置不要改动",
    "会议决定推迟发布",
    "数据没有丢失",
    "客户确认可以关闭工单",
    "记忆里有两条重复的内容",
)
JAPANESE = (
    "検索が遅い原因を調べた",
    "索引の更新が止まっていた",
    "明日の朝にもう一度確認する",
    "田中様へ結果をご連絡した",
    "バックアップは完了している",
    "この設定は変更しないこと",
    "エラーの件数が半分に減った",
    "会議で公開日を延期した",
    "データは失われていない",
    "同じ内容の記憶が二つある",
    "新しい単語を十個覚えた",
    "次の電車の時間を聞く練習をした",
)
