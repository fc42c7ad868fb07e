"""The words of a simulated year: five lines of work, each with a vocabulary of its own."""

from __future__ import annotations

from dataclasses import dataclass


def _words(text: str) -> tuple[str, ...]:
    return tuple(text.split())


def _lines(text: str) -> tuple[str, ...]:
    return tuple(line.strip() for line in text.strip().splitlines())


@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    """A line of work: what its people talk about, what they do to it, and what they look up."""

    name: str
    nouns: tuple[str, ...]
    adjectives: tuple[str, ...]
    done: tuple[str, ...]
    """Transitive verbs whose past and participle are the same word."""
    happened: tuple[str, ...]
    """What a thing did, with nothing after it."""
    tools: tuple[str, ...]
    """The tools an agent calls, a usual one several times."""


SOFTWARE = Field(
    name="software",
    nouns=_words("""
    parser scheduler decoder migration fixture lockfile linter allocator iterator coroutine mutex
    semaphore socket endpoint payload schema serializer adapter wrapper decorator registry resolver
    dispatcher handler middleware webhook callback cursor transaction savepoint rollback index
    constraint trigger view partition shard replica snapshot journal checkpoint heartbeat timeout
    backoff throttle quota token session cookie header certificate keychain vault secret tenant
    namespace cluster pod container image layer manifest artifact pipeline stage runner workflow
    branch merge rebase commit tag release changelog hotfix regression benchmark profile flamegraph
    heap arena garbage-collector finalizer reference descriptor buffer ring queue topic partition
    consumer producer broker offset watermark window aggregate reducer projection saga outbox
    feature-flag rollout canary toggle experiment cohort dashboard alert runbook incident postmortem
    tracer span sampler exporter histogram percentile gauge counter logger formatter sink rotation
    grammar lexer tokenizer syntax-tree visitor optimizer planner operator predicate join subquery
    collation encoding codec checksum digest signature nonce handshake proxy gateway balancer
    resolver-cache prefetcher compactor tombstone bloom-filter memtable write-ahead-log
    dependency wheel extension binding stub annotation protocol generic dataclass enum literal
    renderer viewport stylesheet component widget keymap focus-ring modal tooltip breadcrumb
    """),
    adjectives=_words("""
    asynchronous idempotent reentrant monotonic immutable lazy eager recursive nested orphaned
    deprecated experimental undocumented generated vendored pinned stale dangling leaky brittle
    flaky deterministic non-blocking thread-safe backward-compatible read-only append-only in-memory
    on-disk zero-copy off-by-one race-prone unbounded bounded quadratic amortized vectorized cached
    uncached warm cold sharded replicated partial incremental nightly staging upstream downstream
    transitive circular implicit explicit strict permissive legacy half-open malformed truncated
    oversized empty duplicate unsigned signed little-endian well-typed untyped private public
    """),
    done=_words("""
    refactored renamed inlined extracted vendored pinned bumped reverted rebased squashed merged
    backported patched instrumented profiled traced benchmarked fuzzed mocked stubbed asserted
    parsed serialized decoded encoded hashed signed verified cached evicted invalidated prefetched
    flushed compacted replayed rolled-back committed locked released acquired awaited cancelled
    scheduled retried throttled batched sharded replicated migrated backfilled indexed dropped
    truncated validated rejected sanitized escaped quoted wrapped decorated overloaded superseded
    deprecated documented linted formatted typed annotated compiled linked bundled minified shipped
    deployed restarted drained scaled paged bisected reproduced isolated reworked
    """),
    happened=_lines("""
    deadlocked under load
    leaked a descriptor per request
    timed out after the third retry
    returned the wrong row once in a few thousand calls
    passed locally and failed in the pipeline
    never released its lock
    held the event loop for longer than a frame
    grew without bound until the process was killed
    swallowed the original exception
    compared naive and aware datetimes
    fell back to a full scan
    was evicted before anybody read it
    started before its dependency was ready
    ran twice because the lease had expired
    kept the old value until the next restart
    produced valid output in the wrong order
    dropped the last line when the file had no newline
    came out byte for byte the same
    stopped reproducing as soon as logging was on
    survived a kill in the middle of a commit
    doubled its memory between two releases
    lost its type when it went through the queue
    broke only on the oldest interpreter we support
    turned out to be dead code
    """),
    tools=_words(
        "pytest pytest log log trace listing listing source source source grep grep diff diff "
        "git build sql json json web"
    ),
)

OPERATIONS = Field(
    name="operations",
    nouns=_words("""
    hypervisor node rack switch uplink router firewall subnet gateway resolver nameserver zone
    record certificate bastion jump-host tunnel load-balancer upstream backend health-check probe
    replica-set quorum leader follower lease election failover standby backup restore retention
    archive volume mount inode filesystem snapshot pool spare disk controller firmware microcode
    kernel module driver daemon unit timer cron-job logrotate journal syslog collector agent scraper
    exporter alert silence escalation pager rotation shift handover incident timeline postmortem
    capacity forecast budget headroom saturation throughput latency jitter packet-loss retransmit
    handshake session connection-pool thread-pool queue backlog dead-letter consumer lag offset
    deployment rollout rollback canary region availability-zone placement affinity taint toleration
    secret key-rotation token role policy audit-trail compliance-check scan vulnerability patch
    maintenance-window freeze change-request ticket approval runbook playbook inventory template
    image registry mirror cache proxy edge bucket object lifecycle-rule replication throttle limit
    power-supply fan temperature sensor battery generator cable patch-panel transceiver fibre
    """),
    adjectives=_words("""
    degraded healthy unreachable saturated idle overloaded throttled drained cordoned failed
    read-only stale expired self-signed wildcard regional zonal redundant single-homed dual-homed
    passive active secondary primary hot cold warm nightly hourly weekly unplanned scheduled
    emergency flapping intermittent persistent noisy silent misconfigured undersized oversized
    unpatched outdated virtual physical ephemeral durable encrypted unencrypted mirrored striped
    corrupted consistent eventual remote on-site off-site spare faulty replaced lossy congested
    """),
    done=_words("""
    rebooted drained cordoned uncordoned failed-over promoted demoted fenced restored verified
    rotated renewed revoked issued mounted unmounted resized extended trimmed scrubbed replaced
    reseated rewired patched upgraded downgraded pinned rolled-back rolled-out throttled unblocked
    blocked whitelisted rerouted mirrored replicated archived purged compacted reindexed monitored
    silenced acknowledged escalated paged handed-over documented rehearsed audited approved
    scheduled postponed cancelled provisioned decommissioned tagged labelled migrated evacuated
    balanced rebalanced warmed scraped sampled graphed correlated isolated reproduced
    """),
    happened=_lines("""
    lost quorum for almost two minutes
    came back without its routes
    filled its disk with rotated logs
    answered health checks and nothing else
    failed over cleanly, which surprised everyone
    ran out of file handles during the backup
    flapped every forty seconds until the cable was changed
    kept serving the expired certificate from memory
    was two kernel versions behind the rest
    throttled because the budget had been used up by noon
    showed no errors on its own side
    recovered on its own before the page went out
    drifted four seconds from the time source
    did not come up after the reboot
    lagged by an hour and then caught up in minutes
    stayed within its headroom all week
    dropped one packet in two hundred
    swapped heavily although memory was free
    rejected the new key until it was restarted
    was never in the inventory
    """),
    tools=_words("log log log access access json json metrics metrics listing sql build trace web"),
)

COMMERCE = Field(
    name="commerce",
    nouns=_words("""
    order invoice refund chargeback voucher coupon basket checkout payment instalment deposit
    subscription renewal cancellation upgrade downgrade trial plan tier seat licence contract
    shipment parcel pallet carrier courier tracking-number label customs-form duty tariff warehouse
    shelf bin stock backorder preorder supplier purchase-order delivery-note return exchange defect
    warranty complaint ticket escalation reply macro template satisfaction-score survey rating
    review testimonial storefront catalogue listing variant size colour bundle price discount margin
    markup promotion campaign newsletter segment audience landing-page banner headline conversion
    funnel visitor lead prospect account contact household address postcode phone-number e-mail
    consent preference complaint-history loyalty-card points gift-card receipt till terminal float
    settlement payout fee commission exchange-rate currency tax exemption ledger balance statement
    reminder dunning-letter overdue-notice credit-limit fraud-score identity-check dispute evidence
    marketplace seller reseller partner affiliate brand showroom fitting assembly installation
    upholstery mattress bookcase lampshade kettle blender toaster rucksack sleeping-bag raincoat
    sneaker jersey helmet bicycle tyre saddle headphone charger adapter keyboard monitor
    """),
    adjectives=_words("""
    overdue prepaid refundable non-refundable damaged missing misdelivered delayed express
    international domestic oversized fragile discounted bundled seasonal sold-out backordered
    refurbished returned opened unopened faulty recalled genuine counterfeit loyal first-time
    returning wholesale retail taxable exempt partial duplicate disputed authorised declined pending
    settled unpaid recurring annual monthly complimentary personalised engraved gift-wrapped
    polite furious patient confused grateful unhappy regular corporate anonymous verified
    """),
    done=_words("""
    refunded charged invoiced credited debited shipped dispatched returned exchanged replaced
    cancelled renewed upgraded downgraded paused resumed activated deactivated merged verified
    authorised declined disputed settled reconciled discounted bundled repriced restocked
    reordered reserved picked packed weighed labelled scanned delivered rerouted held released
    inspected repaired written-off escalated reassigned answered translated apologised-for
    compensated surveyed rated reviewed flagged delisted published unpublished advertised segmented
    mailed called visited reminded blocked unblocked exported imported
    """),
    happened=_lines("""
    arrived with one corner crushed
    was charged twice on the same evening
    went to the old address again
    never left the depot
    came back unopened after three weeks
    is waiting for a part from the supplier
    had been promised for the weekend
    was delivered to the neighbour without a note
    cost more than the item itself
    is not covered after the second year
    did not match the photograph
    was cheaper in the newsletter than in the shop
    expired the day before it was used
    sold out within an hour
    was signed for by somebody nobody knows
    got stuck at customs over a missing form
    showed the wrong tax for the island
    made the customer smile, for once
    needs two people to carry
    was answered within the hour
    """),
    tools=_words("json json json sql sql csv csv web log ticket ticket calendar"),
)

RESEARCH = Field(
    name="research",
    nouns=_words("""
    sample specimen culture assay reagent buffer pipette centrifuge incubator microscope slide stain
    sequence primer probe genome transcript protein peptide enzyme substrate inhibitor receptor
    ligand pathway mutation allele phenotype cohort placebo dosage trial endpoint protocol
    consent-form questionnaire interview transcript-page codebook variable covariate confounder
    regression coefficient residual intercept variance deviation median quantile interval p-value
    prior posterior likelihood estimator bootstrap permutation outlier imputation missing-value
    dataset column label annotation split fold baseline ablation checkpoint learning-rate gradient
    epoch embedding classifier detector segmentation benchmark leaderboard metric precision recall
    calibration threshold curve plot histogram scatterplot heatmap caption table appendix manuscript
    draft reviewer rebuttal citation preprint journal conference poster abstract grant budget-line
    milestone deliverable ethics-board instrument spectrometer detector-array telescope exposure
    filter-wheel redshift spectrum emission absorption buoy sediment core salinity current plankton
    isotope glacier permafrost rainfall runoff catchment canopy transect quadrat soil pollen
    """),
    adjectives=_words("""
    significant marginal noisy biased unbiased skewed normalised standardised raw cleaned labelled
    unlabelled held-out synthetic replicated unreplicated blinded double-blind randomised
    observational longitudinal cross-sectional exploratory confirmatory preregistered underpowered
    robust fragile linear nonlinear bimodal heteroscedastic sparse dense high-dimensional latent
    contaminated frozen thawed diluted concentrated fluorescent heterozygous wild-type mutant
    saturated overexposed calibrated uncalibrated coastal tropical alpine arid submerged seasonal
    published unpublished retracted contested preliminary reproducible
    """),
    done=_words("""
    measured sampled diluted incubated centrifuged stained sequenced aligned annotated labelled
    cleaned normalised imputed excluded weighted bootstrapped fitted regressed cross-validated
    trained fine-tuned evaluated ablated calibrated plotted tabulated compared replicated
    preregistered randomised blinded unblinded interviewed transcribed coded translated anonymised
    archived deposited cited reviewed rejected resubmitted published retracted corrected discussed
    photographed collected dried weighed sieved refrozen thawed observed recorded tracked
    simulated estimated bounded questioned confirmed contradicted explained
    """),
    happened=_lines("""
    did not replicate in the second cohort
    disappears once age is controlled for
    converged after far fewer epochs than before
    was contaminated somewhere between thawing and plating
    correlates with the batch, not with the treatment
    explains less than a tenth of the variance
    saturated the detector in every second exposure
    agrees with the older survey within its error
    was overfitted to the validation fold
    had been labelled by two people who disagree
    peaked a week earlier than the model predicts
    lies outside the interval we had registered
    improves recall and costs precision
    is sensitive to the choice of prior
    was lost when the freezer failed
    comes from a single site
    holds for the coast but not inland
    needs at least twice the sample
    looks bimodal when the bins are narrow
    drifted with the temperature of the room
    """),
    tools=_words("csv csv json sql source source notebook notebook log web web listing metrics"),
)

HOUSEHOLD = Field(
    name="household",
    nouns=_words("""
    appointment reminder errand shopping-list recipe ingredient oven saucepan freezer leftovers
    dough yeast oregano lentil aubergine chickpea yoghurt vinegar marmalade birthday present
    invitation guest table seat reservation restaurant menu allergy prescription pharmacy dentist
    physiotherapist vaccination insurance claim deductible landlord lease deposit heating boiler
    thermostat radiator leak plumber electrician fuse socket dishwasher filter gutter roof tile
    gardener hedge compost seedling tomato greenhouse lawnmower bicycle brake chain puncture train
    ticket platform connection delay hotel booking passport visa boarding-pass luggage carry-on
    itinerary ferry rental-car campsite tent rucksack hiking-boot map trail hut summit swimming-pool
    violin lesson rehearsal choir concert library loan novel bookshop crossword chess-club
    kindergarten homework report-card parents-evening school-trip swimming-badge babysitter
    grandmother cousin neighbour cat vet flea-treatment aquarium tax-return bank-statement
    direct-debit pension mortgage savings-account subscription streaming-service phone-contract
    router printer-cartridge photo-album backup-disk password-manager calendar notebook
    """),
    adjectives=_words("""
    vegetarian gluten-free spicy leftover homemade frozen overripe crunchy lukewarm overdue
    forgotten borrowed shared spare squeaky leaking draughty noisy neighbourly rainy snowy sunny
    early late non-refundable refundable flexible overnight direct crowded quiet cosy child-friendly
    wheelchair-accessible second-hand handmade broken mended painted unpaid monthly yearly
    shared-custody left-handed allergic feverish sleepy cheerful nervous proud retired remote
    part-time favourite least-favourite seasonal
    """),
    done=_words("""
    booked cancelled rescheduled confirmed reserved paid reimbursed renewed returned borrowed lent
    repaired replaced cleaned descaled defrosted watered planted pruned harvested cooked baked
    simmered roasted seasoned chopped peeled tasted packed unpacked folded ironed painted assembled
    measured ordered collected picked-up dropped-off invited thanked called texted reminded visited
    photographed printed framed signed scanned filed shredded posted wrapped practised rehearsed
    learned translated recommended finished postponed
    """),
    happened=_lines("""
    is due before the end of the month
    was fully booked until the autumn
    tasted better the next day
    rings only in the kitchen
    leaves from the other platform on Sundays
    starts at half past four, not at five
    had already been paid in March
    made everyone laugh
    needs new batteries again
    does not fit through the cellar door
    was closed for the holidays
    costs less if booked the evening before
    expires in August
    dripped all night
    is allowed on the train but not on the bus
    went better than the rehearsal
    has to soak overnight
    was delivered next door
    clashes with the parents' evening
    still smells of paint
    """),
    tools=_words("calendar calendar json json web web csv ticket listing"),
)

FIELDS = (SOFTWARE, OPERATIONS, COMMERCE, RESEARCH, HOUSEHOLD)

GENERAL_NOUNS = _words("""
answer question reason result change note list example version copy half rest part side end
beginning middle order name number date time week month year morning evening deadline meeting call
message letter page paragraph sentence word title summary draft decision plan idea problem mistake
risk cost price offer agreement rule exception habit choice promise doubt guess estimate comparison
difference pattern cause effect trace hint detail overview step attempt success failure surprise
""")

PLACES = _words("""
Lisbon Graz Tromso Galway Nairobi Osaka Valparaiso Leipzig Ghent Aarhus Porto Tallinn Kigali Busan
Cork Malmo Trieste Oaxaca Halifax Bergen Utrecht Krakow Dunedin Montevideo Accra Penang Basel Turku
Zagreb Bilbao Winnipeg Hobart Leeds Inverness Salzburg Rennes Gdansk Cusco Izmir Varna
""")

COMPANIES = _words("""
Brightwater Halden Norvik Castellan Pemberton Okafor Lindqvist Marchetti Sundaram Weissfeld
Delacroix Tanaka Osterberg Kessler Bramble Foxglove Greyfriars Hollins Ironbridge Juniperus Kestrel
Larkspur Merriweather Northgate Oakhurst Pinecrest Quayside Ravensworth Silverlake Thornbury Umbra
Valemont Westbrook Yarrowby Zenit
""")

SURNAMES = _words("""
Abara Bergstrom Castellanos Dvorak Eriksen Fontaine Gallagher Haddad Ishikawa Jankowski Kowalczyk
Lindholm Moreau Nakamura Okonkwo Petrov Quintero Rasmussen Sato Takahashi Ueda Varga Whitfield Xu
Yilmaz Zimmermann Adeyemi Brandt Chowdhury Delgado Engel Ferrari Grimaldi Hoffmann Iyer Joshi
""")

WHEN = _lines("""
on Monday
on Tuesday afternoon
since Wednesday
before Thursday
late on Friday
over the weekend
last week
two weeks ago
in the first week of the month
at the end of the quarter
this morning
around noon
during the night
a few minutes later
after lunch
just before midnight
for the third time this month
for almost an hour
within the same minute
every other day
as usual
once again
for no obvious reason
in both cases
in spite of the warning
without telling anyone
at the first attempt
on the second try
in the worst case
according to the notes
as agreed
by mistake
on purpose
to be on the safe side
for the time being
one step at a time
from start to finish
more or less by hand
behind schedule
ahead of the review
""")

LEADS = _lines("""
As far as I can tell,
Looking at it again,
To be fair,
In short,
For the record,
On closer inspection,
Strictly speaking,
As expected,
Against expectation,
Most likely
In practice
From what I found,
Before I forget:
One more thing:
Worth remembering:
Contrary to the notes,
If I read this correctly,
For now
In the end
Meanwhile
By the way,
As discussed,
Just to confirm:
It seems that
I am fairly sure that
The short version:
According to the last message,
Judging by the numbers,
Apart from that,
After some digging:
Still,
Oddly,
Unfortunately
Luckily
Since you asked:
Put differently,
My best guess is that
What I know so far:
Not urgent, but
Small correction:
""")

JOINS = _lines("""
because
, although
, so
, but
, and
until
while
as soon as
whenever
after
before
, which is why
even though
; meanwhile
, whereas
since
unless
, as if
; in other words,
, and that is why
""")

ASKS = _lines("""
Could you check whether
Do you know why
Can you find out when
Please look into how
I wonder if
Is it possible that
Remind me why
Tell me whether
How certain are we that
Did anybody notice that
What happens when
Would it help if
Was it before or after
Can we be sure that
Who told us that
""")

REQUESTS = _lines("""
Please
Could you
Can you
I need you to
Next,
Then
When you have a minute,
First
Before anything else,
If possible,
Once that is done,
Go ahead and
Let us
We should
You may as well
Do not forget to
""")

DO = _words("""
check compare summarise list rename move copy remove restore rewrite shorten explain translate
schedule cancel confirm postpone prepare collect sort group count measure estimate verify repeat
test review approve reject update extend split combine replace repair order book send forward answer
print archive label rank describe document question close reopen assign escalate
""")

NUMBERED = _lines("""
It took {f} s at first and {f} s after the change.
We are at {i} of {i} now.
{i} of the {i} cases are done.
The total comes to {f}, not {f}.
p50 is {f} ms, p99 {f} ms.
That is {i} more than on the {d}th.
About {d} % of it is noise.
It went from {i} to {i} within {d} days.
Number {i} is the odd one out.
The limit is {i}; we reached {i}.
I count {i}, the report says {i}.
{d} down, {d} to go.
Version {d}.{d}.{d} is the first with the fix.
Reference {i}-{i}.
The price is {f} per unit from {d} units on.
It fails about once in {i} runs.
Between {d}:{m} and {d}:{m} nothing happened.
Only {d} of them answered.
Rounded, that is {f} a month.
Case {i} was closed after {d} days.
""")

COMMENTS = _lines("""
Agreed.
Is this still true?
That is what I meant.
See above.
This answers it.
Noted.
Same here.
Not any more.
Please keep this.
Done.
Why?
As you said.
Quoting for context.
Thanks!
Confirmed.
""")

FACTS = _lines("""
{person} prefers {np} to {np}.
{person} {surname} is responsible for {np} at {company}.
{np} {vp} {when}.
The contract with {company} ends on the {d}th; {np} is not part of it.
{person} is in {place} until the {d}th and answers in the evening.
`{code}` expects {np}, never {np}.
The default of `{code}` is {i} since version {d}.{d}.
{np} costs {f} in {place} and {f} elsewhere.
In {place} {np} is called {np}.
{company} calls it {np}; we call it {np}.
{person}'s number at {company} is {i}-{i}.
Whenever {np} {vp}, ask {person} {surname} first.
There are {i} of them, {d} in {place}.
{path} holds {np}; {path} only refers to it.
{person} is allergic to {np}, not to {np}.
{np} and {np} are the same thing under two names.
It was decided that {np} stays until {np} {vp}.
The host {host} serves {np} on port {p}.
{person} learned {when} that {np} {vp}.
Never {do} {np} while {np} is open.
The {adjective} one is at {place}, the other at {company}.
{company} pays within {d} days, {company} within {i}.
""")
