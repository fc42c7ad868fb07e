"""The forms of what tools print in a simulated year: lines with slots for names and numbers.

A `{slot}` is filled when it has a name that `year_texts` knows; any other brace is a brace.
"""

from __future__ import annotations

from dataclasses import dataclass


def _lines(text: str) -> tuple[str, ...]:
    """Return the lines of a text, where a backslash and an n stand for a line within one."""
    return tuple(line.replace("\\n", "\n") for line in text.strip("\n").splitlines())


@dataclass(frozen=True, slots=True, kw_only=True)
class Form:
    """How a tool's output is put together: some lines in order, others as many as there is room."""

    head: tuple[str, ...] = ()
    body: tuple[str, ...]
    middle: tuple[str, ...] = ()
    more: tuple[str, ...] = ()
    tail: tuple[str, ...] = ()
    stamp: str = ""
    """The time before each line of the body: `iso`, `syslog`, `clock`, or none."""
    share: float = 1.0
    """How much of the whole the body takes; the rest is for `more`."""


STATEMENTS = _lines(r'''
if {name} is None:
if not {name}.{name}:
if len({name}) > {i}:
if {name} in self._{name}:
for {name} in {code}({name}):
for {name}, {name} in {name}.items():
while {name} < self.{name}:
with {code}({name}) as {name}:
async with self._{name}.{code}() as {name}:
try:
else:
finally:
except {Name}Error as error:
raise {Name}Error(f"{name} {name}: expected {i}") from error
return {name}
return None
return {code}({name}, {name}={i})
return [{name}.{name} for {name} in {name} if {name}]
return {"{name}": {name}, "{name}": self.{name}}
return sum({name}.{name} for {name} in self._{name})
yield {name}, {name}
{name} = {code}({name})
{name} = self.{code}({name}, {name}={i})
{name} = await self._{name}.{code}({name})
{name} = {name}.{code}() or {i}
{name} = max({name}, {i}) // {d}
{name} = {f} * {name}
{name}: dict[str, {Name}] = {}
{name}: list[{Name}{Name}] = []
self._{name} = {name}
self._{name}[{name}] = {name}
self.{name} += {d}
self.{code}({name})
{name}.append({name})
{name}.setdefault("{name}", []).append({name})
del self._{name}[{name}]
assert {name} == {i}
assert {code}({name}) is not None
logger.info("%s of %s {name}", {name}, {i})
logger.warning("{msg}")
# {np} {vp}
# {msg}
"""Return {np}."""
"""{Name} that {vp}."""
@pytest.mark.parametrize("{name}", [{i}, {i}, {i}])
@property
@dataclass(frozen=True, slots=True)
def {code}(self, {name}: {Name}) -> {Name} | None:
def {code}({name}: str, *, {name}: int = {i}) -> bool:
async def {code}(self, {name}: str) -> list[{Name}]:
class {Name}{Name}:
class {Name}{Name}({Name}):
def test_{code}_{name}({name}: {Name}) -> None:
from {name}.{name} import {code}
import {name}
{CODE}_MAX: Final = {i}
SELECT {name}, count(*) FROM {name} WHERE {name} > {i} GROUP BY {name}
INSERT INTO {name} ({name}, {name}) VALUES (?, ?)
const {name} = await {code}({name}, { {name}: {i} });
if ({name}.{name} === undefined) return {name};
let {name} = self.{name}.{code}()?;
pub fn {code}(&self, {name}: &str) -> Result<{Name}, {Name}Error> {
match {name}.{name} {
}
''')

PYTEST = Form(
    head=_lines(r"""
============================= test session starts ==============================
platform linux -- Python 3.{d}.{d}, pytest-8.{d}.{d}, pluggy-1.6.0
rootdir: /home/{user}/{project}
plugins: anyio-4.{d}.0, asyncio-1.{d}.0, xdist-3.{d}.0, timeout-2.4.0
collected {i} items

"""),
    body=_lines(r"""
tests/test_{code}.py ............                                         [ {d}%]
tests/test_{code}.py ...F....                                             [ {d}%]
tests/{name}/test_{code}.py ..s......                                     [ {d}%]
tests/{name}/test_{code}.py ......................                        [ {d}%]
{path}::test_{code}_{name} PASSED [ {d}%]
{path}::test_{code}[{i}-{name}] PASSED [ {d}%]
{path}::test_{code}_when_{name}_is_{name} FAILED [ {d}%]
"""),
    middle=_lines(r"""

=================================== FAILURES ===================================
__________________________ test_{code}_{name} __________________________

"""),
    more=_lines(r"""
    {stmt}
    {stmt}
    {stmt}
>       {stmt}
E       AssertionError: assert {i} == {i}
E        +  where {i} = {code}({name})
E       assert {name} == [{i}, {i}, {i}]
E         - {msg}
E         + {msg}
E       {Name}Error: {msg}
{path}:{l}: {Name}Error
{path}:{l}: in {code}\n    {stmt}
{name} = <{name}.{Name} object at 0x7f{hex7}0>
----------------------------- Captured log call -----------------------------
WARNING  {name}.{name}:{code}.py:{l} {msg}
DEBUG    {name}.{name}:{code}.py:{l} {code} took {f} ms
"""),
    tail=_lines(r"""
=========================== short test summary info ============================
FAILED {path}::test_{code}_{name} - AssertionError: assert {i} == {i}
FAILED {path}::test_{code} - {Name}Error: {msg}
=================== {d} failed, {i} passed, {d} skipped in {f}s ===================
"""),
    share=0.4,
)

LOG = Form(
    body=_lines(r"""
INFO  {service}.{name} {code}: {msg}
INFO  {service}.{name} {code} finished in {f} ms ({i} rows)
INFO  {service}.{name} request_id={uuid} method={method} path={url} status={status} ms={f}
INFO  {service}.{name} connected to {host}:{p} as {user}
INFO  {service}.{name} {name}={i} {name}={i} {name}={f}
DEBUG {service}.{name} {code}({name}={i}, {name}='{name}') -> {i}
DEBUG {service}.{name} cache miss for {name}:{hex7}, {i} entries, {d} % full
DEBUG {service}.{name} acquired {name} {uuid} after {f} ms
WARN  {service}.{name} {msg}
WARN  {service}.{name} retry {d} of {d} for {uuid}: {msg}
WARN  {service}.{name} {code} is slow: {f} ms, expected {f} ms
WARN  {service}.{name} {name} {i} is {i} behind {host}
ERROR {service}.{name} {Name}Error in {path}:{l}: {msg}
ERROR {service}.{name} {code} failed for {user}@{company}.example: {msg}
ERROR {service}.{name} upstream {ip}:{p} answered {status} to {method} {url}
"""),
    stamp="iso",
)

SYSLOG = Form(
    body=_lines(r"""
{host} {service}[{i}]: {msg}
{host} {service}[{i}]: accepted connection from {ip} port {p}
{host} {service}[{i}]: {code}: {name} {i} exceeds {i}
{host} systemd[1]: Started {service}.service - {np}.
{host} systemd[1]: {service}.service: Main process exited, code=exited, status={d}/FAILURE
{host} systemd[1]: {service}.service: Consumed {f}s CPU time, {d}.{d}G memory peak.
{host} kernel: [{i}.{i}] {name}: {msg}
{host} kernel: [{i}.{i}] TCP: request_sock_TCP: Possible SYN flooding on port {p}.
{host} sshd[{i}]: Accepted publickey for {user} from {ip} port {p} ssh2: ED25519 SHA256:{b64}
{host} CRON[{i}]: (root) CMD (/opt/{service}/bin/{code} --{name}={i})
{host} dhclient[{i}]: DHCPREQUEST for {ip} on eth{d} to {ip} port 67
{host} smartd[{i}]: Device: /dev/sd{letter}, {d} currently unreadable sectors
{host} dockerd[{i}]: container {hex40} died: exit code {d}
"""),
    stamp="syslog",
)

ACCESS = Form(
    body=_lines(r"""
{ip} - - "{method} {url} HTTP/2.0" {status} {i} "-" "{browser}" rt={f}
{ip} - {user} "{method} {url}?{name}={i} HTTP/1.1" {status} {i} "https://{host}.example" "{browser}"
{ip} - - "GET /static/{code}.{hex7}.js HTTP/2.0" {status} {i} "-" "{browser}"
{ip} - - "{method} {url}/{uuid} HTTP/2.0" {status} {i} "-" "{service}/{d}.{d}" rt={f} up={ip}:{p}
{ip} - - "GET /healthz HTTP/1.1" 200 2 "-" "kube-probe/1.{d}"
"""),
    stamp="clock",
)

TRACE = Form(
    head=_lines(r"""
{code}: {msg}
Traceback (most recent call last):
"""),
    body=_lines(r"""
  File "/home/{user}/{project}/{path}", line {l}, in {code}\n    {stmt}
  File "/home/{user}/{project}/{path}", line {l}, in {code}\n    {stmt}\n    ~~~~~~~^^^^^^^^
  File "/usr/lib/python3.{d}/{name}/{name}.py", line {l}, in {name}\n    {stmt}
  File "/opt/venv/lib/python3.{d}/site-packages/{name}/{name}.py", line {l}, in {code}\n    {stmt}
"""),
    middle=_lines(r"""
{name}.{Name}Error: {msg}

The above exception was the direct cause of the following exception:

Traceback (most recent call last):
"""),
    more=_lines(r"""
  File "/home/{user}/{project}/{path}", line {l}, in {code}\n    {stmt}
  File "/home/{user}/{project}/{path}", line {l}, in <lambda>\n    {stmt}
"""),
    tail=_lines(r"""
{name}.{name}.{Name}{Name}Error: {msg}
[{name}={i} {name}='{name}' request={uuid}]
"""),
    share=0.6,
)

LISTING = Form(
    head=_lines(r"""
$ ls -la /srv/{project}/{name}
total {i}
"""),
    body=_lines(r"""
-rw-r--r-- 1 {user} {user} {i:>9} {month} {d:>2} {h}:{m} {code}.py
-rw-r--r-- 1 {user} {user} {i:>9} {month} {d:>2} {h}:{m} {code}.json
-rw-rw-r-- 1 {user} www    {i:>9} {month} {d:>2} {h}:{m} {name}-{i}.csv
-rwxr-xr-x 1 root  root  {i:>9} {month} {d:>2} {h}:{m} {code}
drwxr-xr-x {d} {user} {user}      4096 {month} {d:>2} {h}:{m} {name}
lrwxrwxrwx 1 {user} {user}        {d} {month} {d:>2} {h}:{m} {name} -> ../{name}/{code}
-rw------- 1 {user} {user} {i:>9} {month} {d:>2} {h}:{m} .{name}-{hex7}.partial
-rw-r--r-- 1 {user} {user} {i:>9} {month} {d:>2} {h}:{m} {Name}{Name}.md
"""),
)

SOURCE = Form(
    head=_lines(r"""
$ sed -n '{d},{l}p' {path}
"""),
    body=_lines(r"""
{stmt}
    {stmt}
    {stmt}
    {stmt}
        {stmt}
        {stmt}
        {stmt}
            {stmt}
            {stmt}
                {stmt}
\n{stmt}
\n\n{stmt}
"""),
)

GREP = Form(
    head=_lines(r"""
$ rg -n --no-heading {code} {name}/ tests/
"""),
    body=_lines(r"""
{path}:{l}:    {stmt}
{path}:{l}:        {stmt}
{path}:{l}:{stmt}
{path}-{l}-    {stmt}
tests/test_{code}.py:{l}:    {stmt}
docs/{name}.md:{i}:{np} {vp}.
"""),
)

DIFF = Form(
    head=_lines(r"""
{patch}
@@ -{l},{d} +{l},{d} @@ class {Name}{Name}:
"""),
    body=_lines(r"""
     {stmt}
     {stmt}
         {stmt}
         {stmt}
-        {stmt}
-        {stmt}
+        {stmt}
+        {stmt}
+            {stmt}
-    {stmt}
+    {stmt}
@@ -{l},{d} +{l},{d} @@ def {code}({name}: {Name}) -> {Name}:
{patch}\n@@ -{l},{d} +{l},{d} @@
"""),
)

GIT = Form(
    head=_lines(r"""
$ git log --stat -n {d}
"""),
    body=_lines(r"""
commit {hex40}\nAuthor: {person} {surname} <{user}@{company}.example>\n\n    {Msg}\n
    {np} {vp}.
 {path} | {d} ++++---
 {path} | {i} +++++++++++++++++
 {d} files changed, {i} insertions(+), {d} deletions(-)\n
"""),
)

BUILD = Form(
    head=_lines(r"""
#1 [internal] load build definition from Dockerfile
#1 transferring dockerfile: {i}B done
#1 DONE {f}s
"""),
    body=_lines(r"""
#{d} [{name} {d}/{d}] RUN {code} --{name} {i} --{name}={name}
#{d} [{name} {d}/{d}] COPY {path} /app/{path}
#{d} sha256:{hex40}{hex7} {i}B / {i}B {f}s done
#{d} {f} Collecting {name}-{name}=={d}.{d}.{d}
#{d} {f}   Downloading {name}_{name}-{d}.{d}.{d}-cp312-cp312-manylinux_2_28_x86_64.whl ({i} kB)
#{d} {f} warning: {msg}
#{d} {f} {path}:{l}:{d}: note: {msg}
#{d} {f} [{d}/{i}] Compiling {name}-{name} v{d}.{d}.{d} (/build/{name}/{name})
#{d} CACHED
#{d} DONE {f}s
"""),
    tail=_lines(r"""
#{d} writing image sha256:{hex40} done
#{d} naming to registry.{company}.example/{project}/{service}:{d}.{d}.{d}-{hex7} done
"""),
)

METRICS = Form(
    body=_lines(r"""
# HELP {name}_{name}_seconds {np} {vp}
# TYPE {name}_{name}_seconds histogram
{name}_{name}_seconds_bucket{service="{service}",instance="{host}:{p}",le="0.{d}"} {i}
{name}_{name}_seconds_sum{service="{service}",instance="{host}:{p}"} {f}
{name}_{name}_total{service="{service}",method="{method}",status="{status}"} {i}
{name}_{name}_bytes{host="{host}",device="sd{letter}"} {i}{i}
{name}_{name}_ratio{service="{service}"} 0.{i}
"""),
)

NOTEBOOK = Form(
    body=_lines(r"""
In [{d}]: {stmt}
In [{d}]: {name} = {code}({name}, {name}={f})
Out[{d}]: {f}
Out[{d}]: ({i}, {d})
Out[{d}]: array([{f}, {f}, {f}, {f}, {f}, {f}])
{name:<18} {f:>10} {f:>10} {f:>10} {f:>10}
{name:<18} {f:>10} {f:>10} {f:>10} {f:>10}
{name:<18} {i:>10} {f:>10} {f:>10} {i:>10}
epoch {d}/{i} loss {f} val_loss {f} {name} {f} ({f} s)
UserWarning: {msg}
# {np} {vp}
"""),
)

CALENDAR = Form(
    head=_lines(r"""
Calendar of {person} {surname}, next {d} days
"""),
    body=_lines(r"""
{day} {d} {month}  {h}:{m}-{h}:{m}  {np} ({place})
{day} {d} {month}  {h}:{m}-{h}:{m}  {person} {surname}, {company}: {np}
{day} {d} {month}  all day      {person} in {place}
{day} {d} {month}  {h}:{m}        call {person} about {np}
    invited: {person}, {person} {surname}, {person}; room {d}.{d}
    note: {np} {vp}
    https://meet.{company}.example/{b64}
"""),
)

TICKET = Form(
    head=_lines(r"""
Ticket {i} ({status}) {np}
From: {person} {surname} <{user}@{company}.example>
Order: {i}-{i}, {place}, {f} EUR

"""),
    body=_lines(r"""
{Msg}.
{Msg}, {when}.
{np} {vp}, and {np} {vp}.
> {np} {vp}.
{person} wrote {when}:
My order number is {i}-{i}.
Tracking: {hex7}{i}, last seen in {place}.
Please {do} {np}.
[internal] {person}: {msg}
[status] {name} -> {name} by {user}
"""),
    tail=_lines(r"""

{person} {surname}
{i} {surname} Street, {place}
"""),
)

FORMS = {
    "pytest": PYTEST,
    "log": LOG,
    "syslog": SYSLOG,
    "access": ACCESS,
    "trace": TRACE,
    "listing": LISTING,
    "source": SOURCE,
    "grep": GREP,
    "diff": DIFF,
    "git": GIT,
    "build": BUILD,
    "metrics": METRICS,
    "notebook": NOTEBOOK,
    "calendar": CALENDAR,
    "ticket": TICKET,
}

METHODS = ("GET", "GET", "GET", "POST", "PUT", "DELETE", "PATCH")
STATUSES = (
    "200",
    "200",
    "200",
    "201",
    "204",
    "301",
    "304",
    "400",
    "401",
    "404",
    "409",
    "429",
    "500",
)
DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
BROWSERS = (
    "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0",
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 Chrome/126.0.0.0 Safari/537.36",
    "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 Mobile/15E148",
    "curl/8.8.0",
    "python-httpx/0.27.0",
)


def _words(text: str) -> tuple[str, ...]:
    return tuple(text.split())


TEXT_KEYS = {
    "person": _words("owner assignee author reviewer contact requested_by"),
    "company": _words("customer supplier vendor account partner"),
    "place": _words("city region site destination origin"),
    "when": _words("due updated seen reminded"),
    "host": _words("host node instance source"),
    "url": _words("url path href link"),
    "msg": _words("title summary comment remark description reason"),
    "name": _words("kind category label stage channel group"),
    "code": _words("function rule metric event"),
    "status": _words("code result http_status"),
    "ip": _words("address peer client_ip"),
}
"""Names of fields in what an interface answers, by the slot their values are drawn from."""
NUMBER_KEYS = _words("""
amount balance score weight height width duration elapsed discount rate ratio progress distance
temperature pressure price total average deviation share latency
""")
COUNT_KEYS = _words("""
retries attempts quantity rank revision offset length count position size rows bytes version views
priority batch parent sequence
""")
FLAG_KEYS = _words("active verified archived paid urgent visible locked deleted")
