"""What docs/reference/metrics.md tells of each metric beside its definition: what others mean, and examples worked out.

Whoever adds a metric adds its entry to EXPLANATIONS, and then writes the page: `make generate`. The questions are about
the history in docs/example.jsonl, at the end of June 2026 unless they name another day.
"""

from typing import NamedTuple

QUARTER = "--since 2026-04-01 --until 2026-06-30"
HALF = "--since 2026-01-01 --until 2026-06-30"
EUROS = "--convert-to EUR"


class Example(NamedTuple):
    """A question's options, how its figures come about, what is in bold being a cell of the answer, and its day."""

    options: str
    arithmetic: str
    effective_at: str = "2026-06-30"


class Explanation(NamedTuple):
    """What is usually meant by a metric, with the source of that; where ours differs and why; and examples of ours."""

    usual: str
    ours: str
    examples: tuple[Example, ...]


EXPLANATIONS = {
    "activities": Explanation(
        "Activities by type and by seller, as in Pipedrive's activity performance report; Pipeliner's insights count "
        "them for who performed them. Some count notes and tasks too, MediaOS only what reaches the customer.",
        "Only what was completed, once, for whom the deal belonged to then: what a seller's deals were given. Nothing "
        "is said by a number of calls alone, so the deals are counted beside it, and those that nobody spoke to.",
        (
            Example(
                f"{HALF} --within 30d --by owner",
                "Two calls took place: **1** of cyd on opportunity-6, **1** of ann on opportunity-7; the visit to "
                "opportunity-9 is only planned. 30 days without contact are opportunity-6 of cyd, called 71 days ago, "
                "and of bob **2**, never called: opportunity-4, opened 120 days ago, and opportunity-9, 43. "
                "opportunity-10 and -11 are too young, with 22 and 15.",
            ),
        ),
    ),
    "ageing": Explanation(
        "Salesforce reports count an opportunity's age in whole days since it was created. Pipedrive's rotting marks "
        "a deal that nobody updated for so many days, by stage; Freshsales' stale deals are those older than the "
        "pipeline allows.",
        "Three ages apart: open, in the stage, since the last contact, exact. Stale is by the time in the stage "
        "alone, because a note or a mail does not bring a deal further.",
        (
            Example(
                "",
                "opportunity-6 is in need for 50 days, opportunity-10 for 22 and opportunity-11 for 15: (50 + 22 + "
                "15) / 3 = **29.0**, and the one in the middle **22.0**. The first is past the stage's limit of 30 "
                "days, so **1** is stale; it alone was ever called, 71 days ago.",
            ),
        ),
    ),
    "backward-moves": Explanation(
        "Mostly read from Salesforce's stage history or HubSpot's property history, by the order that the stages "
        "have today.",
        "By the order of the stages in the process version that the deal was under after the move, so that a later "
        "reordering makes no old move a backward one.",
        (
            Example(
                QUARTER,
                "opportunity-6 came to demo on 27 April and went back to need on 11 May: **1** move of 1 deal.",
            ),
        ),
    ),
    "board": Explanation(
        "The board of HubSpot and Pipedrive, and Salesforce's Kanban view: a column a stage with the sum of its "
        "deals, in one currency.",
        "No two currencies in one sum, unless `--convert-to` names the one to have; and as it stood at any moment, "
        "also with the stages of versions that are no longer used.",
        (
            Example(
                "",
                "In need are opportunity-6 of 4,000 and opportunity-11 of 1,000: **5,000.00**. The 3,000 dollars of "
                "opportunity-10 have a row of their own.",
            ),
            Example(
                "--by product",
                "The line items of opportunity-6 share it: 2 x 1,500 are **3,000.00** of the product Scanner, 1 x "
                "1,000 are **1,000.00** of Service. It is one of the deals of each.",
            ),
        ),
    ),
    "bookings": Explanation(
        "The sum of the opportunities that were closed won in the period, by count or by amount (Sightfull's "
        "glossary; Klipfolio: won, signed or committed). A deal that is reopened just vanishes from it.",
        "Gross and net, and between them what was taken back, so that a figure once reported can still be "
        "reconciled. Each win by the rate, the owner and the team of its day.",
        (
            Example(
                f"{HALF} {EUROS} --by quarter",
                "In the first quarter opportunity-1 and opportunity-4 were won: 6,000 + 5,000 = **11,000.00**; the "
                "second was reopened in May, so **5,000.00** are reversed and 11,000 - 5,000 = **6,000.00** net. In "
                "the second 10,000 of opportunity-5 and 2,000 USD x 0.95 of opportunity-3 are **11,900.00**, half of "
                "it **5,950.00**.",
            ),
        ),
    ),
    "coverage": Explanation(
        "The open pipeline over the quota: over all of it (Fairview's glossary), or over what is left of it (MXM "
        "Revenue). The common target of three times is a win rate of a third turned round.",
        "Over what is left, because what is won needs no cover; of the deals that are to close in the period alone. "
        "The quota is that of whoever is asked for, never a seller's beside the team's. What is overdue is shown, "
        "not hidden.",
        (
            Example(
                f"{QUARTER} {EUROS} --by team",
                "South won 40 % of opportunity-5 (4,000) and opportunity-3 (2,000 USD x 0.95 = 1,900): **5,900.00**, "
                "so of its quota 8,000 - 5,900 = **2,100.00** remain. 5,000 + 4,000 + 2,500 = **11,500.00** are open "
                "and to close in the quarter: 11,500 / 2,100 = **5.5x**; of them opportunity-6 was due on 15 June. "
                "North won its 60 %, **6,000.00**, and has nothing open that is to close.",
            ),
        ),
    ),
    "follow-up": Explanation(
        "A list of tasks by their due date, as HubSpot's queues and Salesforce's task lists have it; deals without "
        "any task are in no such list.",
        "A list of deals: those without a next step come first where they are worth much, because nobody is reminded "
        "of them.",
        (
            Example(
                EUROS,
                "The median of the six amounts is (2,850 + 4,000) / 2 = 3,425: opportunity-7 and opportunity-4 are "
                "above it and have no next step, so they come first. The next step of opportunity-6 was due on 10 "
                "June, **20** days before; the meeting with opportunity-9 is due on 6 July.",
            ),
        ),
    ),
    "forecast": Explanation(
        "Salesforce's collaborative forecasts roll opportunities up by category, each alone or cumulated, and show a "
        "manager's adjustment in the place of the sum. HubSpot's forecast takes the weighted amounts by default.",
        "Each alone and cumulated in one answer. Adjusted and submitted figures stand beside the computed one and "
        "change none, so that both can be judged later; weighted amounts are a metric of their own.",
        (
            Example(
                f"{QUARTER} {EUROS}",
                "Won are opportunity-5 and opportunity-3: 10,000 + 2,000 USD x 0.95 = **11,900.00**; with the 5,000 "
                "of opportunity-4 in offer, **16,900.00**. North submitted **9,000.00** in April. In May bea put "
                "**10,000.00** in the place of **13,000.00**: then opportunity-7, of 8,000, was to close in the "
                "quarter too.",
            ),
        ),
    ),
    "forecast-accuracy": Explanation(
        "The forecast over what was sold at the end of the period, so that above 100 % is too much (Gong); or the "
        "discrepancy of both, by whatever was forecast in a week of choice (DealHub's glossary calls it forecast "
        "error).",
        "The error and, with its sign, the bias, each a share of what was won: too much in one quarter does not make "
        "up for too little in another. Judged are calls that were made, not sums of deals, together with what was won "
        "by then; and only when the period is over. The model is judged beside people, by the same periods.",
        (
            Example(
                f"{QUARTER} {EUROS}",
                "A day after the quarter. On 15 May, 46 days before its end, bea called 10,000, and 2,000 USD x 0.95 "
                "= 1,900 of opportunity-3 were won by then: **11,900.00**, as it came. On 10 April, **81.0** days "
                "before, north called 9,000 with nothing won; its 60 % of opportunity-5 are **6,000.00**: 9,000 - "
                "6,000 = **3,000.00** too much, 3,000 / 6,000 = **50.0%**. As of 17 May, **44.0** days before, the "
                "model expected **12,500.00** of everybody, 600 too much, and **7,000.00** of north: 1,000 too much, "
                "where north was 3,000 off.",
                "2026-07-01",
            ),
        ),
    ),
    "funnel": Explanation(
        "HubSpot's funnel reports count deals that went through all stages in order, or through any of them, with "
        "the conversion to the next step and the cumulative one. Skipped stages count as missed in the first kind.",
        "Four modes, by default the one in which a skipped stage was passed. The cohort is what was opened in the "
        "period, so that every stage speaks of the same deals, and the open ones are shown apart: a young cohort is "
        "not a bad one. HubSpot's first kind is mode strict, its second mode touched.",
        (
            Example(
                HALF,
                "Of 11 deals opened 7 came past need: 7 / 11 = **63.6%**; 2 of the others are open and may yet, and "
                "of the decided it is 7 / (11 - 2) = **77.8%**. 5 of 11 came to offer: **45.5%**. 3 are won: 3 / 11 "
                "= **27.3%**. Wins are counted by the first: opportunity-4 was won in March and is open again.",
            ),
        ),
    ),
    "generation": Explanation(
        "The value of the qualified opportunities that were created in the period (Fairview's and Wins Above's "
        "glossaries), mostly by the creation date and by what they are worth when somebody looks.",
        "By when a deal first came to the qualifying stage, and what it was worth then: a figure that no later "
        "change of an amount rewrites.",
        (
            Example(
                QUARTER,
                "opportunity-5 (10,000), opportunity-6 (4,000) and opportunity-9 (2,500) first came to demo, the "
                "qualifying stage: **16,500.00**. opportunity-7 had been there since March.",
            ),
        ),
    ),
    "hygiene": Explanation(
        "A score of the open deals without a flaw, as in Wins Above's glossary: a close date that is past or was "
        "not touched for 60 days, no next step, no amount, one contact only. Sales Ops Club means the habit of "
        "cleaning up.",
        "No score, but the deals of each finding and what they are worth, as the log proves them; a date that "
        "nobody touches is no flaw, one that was put off three times is. Deals without a next step are in the metric "
        "follow-up.",
        (
            Example(
                "",
                "opportunity-6 was to close on 15 June: **4,000.00** (opportunity-4 and -9 may close today). "
                "opportunity-7 was put off three times: **8,000.00**. Longer than 30 days in their stage are "
                "opportunity-4 (57), opportunity-6 (50) and opportunity-7 (49), not opportunity-9 (29): 5,000 + 4,000 "
                "+ 8,000 = **17,000.00**. The **3,000.00** dollars of opportunity-10 have no close date.",
            ),
        ),
    ),
    "lead-conversion": Explanation(
        "Converted leads over all leads, by source (Salesforce, Lead Conversion components); which source a merged "
        "lead has is up to whoever merges it.",
        "By cohort: of those captured in the period. Merged leads are one, with the first capture and its source, so "
        "that what brought the lead keeps the merit; those still open are shown.",
        (
            Example(
                f"{HALF} --by source",
                "lead-2, captured at the event on 2 April, was merged into lead-3 of the website: one lead of the "
                "event, and it was converted, **100.0%**. Of the website's three 1 was: 1 / 3 = **33.3%**; lead-5 is "
                "still open.",
            ),
        ),
    ),
    "lead-funnel": Explanation(
        "The demand waterfall of SiriusDecisions (now Forrester): inquiry, marketing qualified, sales accepted, "
        "sales qualified, won, each step over the one before; often counted by what reached a step in the month, "
        "which are not the same leads.",
        "The same leads in each step: those captured in the period, over all of these. The steps are facts that "
        "somebody recorded, not scores. What they became in money, and why others were given up, stand in one "
        "answer.",
        (
            Example(
                HALF,
                "Captured are lead-1, lead-3 (with lead-2, merged into it), lead-4 and lead-5. lead-1 and lead-3 were "
                "contacted, qualified and converted: 2 / 4 = **50.0%**. opportunity-1 was won with **6,000.00**, "
                "opportunity-11 is open with **1,000.00**: 1 / 4 = **25.0%** each, and as many for lead-4, "
                "disqualified.",
            ),
        ),
    ),
    "lead-response": Explanation(
        "From the lead's creation to the first outreach, in minutes or hours (KPI Tree), as a mean or better as a "
        "median (LeadSource), of those that were reached; LimeCall counts only a contact that came about. An hour is "
        "the limit of Oldroyd's study in the Harvard Business Review (2011).",
        "The median by Kaplan and Meier, in which leads that still wait count as far as they got: of those reached "
        "alone it gets better the more are forgotten. By the clock, nights and Sundays included. The share in time "
        "judges only leads that had that time.",
        (
            Example(
                f"{HALF} --within 1d",
                "lead-1 was called after 8 hours, lead-3 71 days after lead-2, merged into it, was captured: 71 x 24 "
                "x 60 = 102,240 minutes. lead-4 was given up after 2 days, lead-5 waits for 8. After 8 hours 3 of 4 "
                "wait, then only lead-3 is left, until it is contacted: the median is **102,240** minutes. In a day "
                "1 of 4 was contacted: **25.0%**.",
            ),
        ),
    ),
    "loss-reasons": Explanation(
        "Lost deals by the reason, competitor and stage that the seller gave, as shares of all lost (Fairview's "
        "glossary, closed-lost analysis); with the wins beside them a win/loss analysis, and by competitor a "
        "competitive win rate.",
        "The shares of the lost, and of all decided, so that they add up with the win rate. No win rate against a "
        "competitor, because nobody names one when a deal is won.",
        (
            Example(
                f"{HALF} {EUROS}",
                "opportunity-2 was lost for its price (**4,000.00**), opportunity-8 for want of a budget "
                "(**3,000.00**): 1 / 2 = **50.0%** of the lost each. With opportunity-1, -3 and -5, won, 5 are "
                "decided: 1 / 5 = **20.0%**. opportunity-4, won and reopened, is not decided.",
            ),
            Example(
                f"{HALF} {EUROS} --mode competitor",
                "opportunity-2, of **4,000.00**, went to globex; nobody is known to have got opportunity-8, of "
                "**3,000.00**.",
            ),
        ),
    ),
    "pipeline-history": Explanation(
        "Snapshots that are taken day by day or week by week and kept: Salesforce's historical trend reports, of the "
        "last months, and its reporting snapshots; Oracle's sales historical snapshots; SaaSGrid's pipeline snapshot. "
        "What was won beside it is Sightfull's bookings progression, a cumulative sum by fiscal week.",
        "No snapshots: every week is computed from the log, also those before anybody wanted to see them, and as "
        "it is known by now, or was then (`--known-at`). Open are the deals that were to close in the period as their "
        "dates stood then, so that a date put off shows.",
        (
            Example(
                f"{QUARTER} {EUROS}",
                "On 5 April opportunity-3, -7 and -8 were to close: 2,000 USD x 0.95 + 8,000 + 3,000 = **12,900.00**. "
                "A week later opportunity-5 had come with 10,000: **22,900.00**; then opportunity-3 was won and "
                "opportunity-6 came with 4,000: 22,900 - 1,900 + 4,000 = **25,000.00**. In May opportunity-4 came "
                "back with 5,000: **30,000.00**; opportunity-8 was lost: **27,000.00**; opportunity-9 came with "
                "2,500: **29,500.00**; opportunity-5 was won: **19,500.00**. In June opportunity-7 was put off to "
                "August: 19,500 - 8,000 = **11,500.00**.",
            ),
        ),
    ),
    "push-count": Explanation(
        "Salesforce's field Push Count: how often the close date was moved to a later calendar month, over the life "
        "of the opportunity.",
        "The same pushes, but those of the period, as deals by their number, each for whom the deal belonged to then.",
        (
            Example(
                HALF,
                "opportunity-7 went from April to May, from May to June and from June to August: 1 deal with **3** "
                "pushes.",
            ),
        ),
    ),
    "quota-attainment": Explanation(
        "What was closed won over the quota (Salesforce's forecast charts, Wins Above's glossary), by deals in full "
        "for their owner or by credited splits. Pace is mostly drawn against earlier periods (Gong's pacing report).",
        "What is won still, each for whom it belonged to when it was won, and for several by their splits. The quota "
        "is that of whoever is asked for, as in coverage. The pace is against an even one, day by day, which needs no "
        "earlier period and takes no account of a season.",
        (
            Example(
                f"{QUARTER} {EUROS} --by team",
                "North won 60 % of opportunity-5, **6,000.00** of 12,000: **50.0%**. 90 of 91 days have passed: "
                "12,000 x 90 / 91 = **11,868.13** were to be expected, and 6,000 / 11,868.13 = **0.5x**. South won "
                "4,000 + 2,000 USD x 0.95 = **5,900.00** of 8,000: 5,900 / 8,000 = **73.8%**, **2,100.00** are "
                "missing; 5,900 / (8,000 x 90 / 91) = 5,900 / **7,912.09** = **0.7x**.",
            ),
        ),
    ),
    "sales-cycle": Explanation(
        "The mean of the days from an opportunity's creation to its being won (RevOps Dictionary), or to its being won "
        "or lost (Daymark), of those closed; some count from the first touch (Sisense).",
        "Quantiles, not a mean, which one old deal spoils; won and lost apart. By default of all opened in the period, "
        "by Kaplan and Meier: of the closed alone the cycle looks the shorter the more young deals there are. Cohort "
        "closed is the usual one.",
        (
            Example(
                HALF,
                "Of 11 deals 3 were won, after 35, 49 and 63 days. 35 days old were 9, one of which was won then: 8/9 "
                "go on. 2 of the others were lost or are younger than 49 days, so 6 came to that age: 8/9 x 5/6 = "
                "20/27 go on, 26 % are won: a quarter after **49.0** days. 4 came to 63 days: 20/27 x 3/4 = 5/9 go on, "
                "so a half was not won yet. Lost were 2: after 35 days 1 of 9, after 56 days 1 of 5: 8/9 x 4/5 = 32/45 "
                "go on, a quarter is lost after **56.0**.",
            ),
            Example(
                f"{HALF} --cohort closed",
                "Of 35, 49 and 63 days the middle one is **49.0**; of the lost, 35 and 56, the first by which half "
                "were lost is **35.0**.",
            ),
        ),
    ),
    "slip-rate": Explanation(
        "Slipped deals over those forecast to close in the period (Petavue, Clari); Chief's glossary counts what was "
        "not won as slipped, lost deals too.",
        "A lost deal is decided and did not slip. Due is what was so when the period opened, so that nobody mends "
        "the rate by moving dates; what may yet close in time is pending and in no rate.",
        (
            Example(
                f"{QUARTER} {EUROS}",
                "Due on 1 April were opportunity-3 (won), opportunity-8 (lost) and opportunity-7 (put off to "
                "August): 1 / 3 = **33.3%** slipped. On the day before they were worth 2,000 USD x 0.90 + 3,000 + "
                "8,000 = **12,800.00**.",
            ),
        ),
    ),
    "sources": Explanation(
        "First-touch attribution: HubSpot's property Original Source, set once, and Salesforce's Lead Source, over to "
        "the pipeline and the revenue (Petavue's glossary); others share the merit among several touches.",
        "First touch alone, through merges and conversions, and no cost of a channel, because neither further "
        "touches nor cost are facts of the log. Leads, pipeline and wins are each of the period, so a lead of spring "
        "can be a win of autumn: the cohort is the metric lead-funnel.",
        (
            Example(
                f"{HALF} {EUROS}",
                "From the website came lead-1, lead-4 and lead-5, of which lead-1 was converted: 1 / 3 = **33.3%**; "
                "its opportunity-1 came to demo and was won with **6,000.00**. lead-2, of the event, lives on in "
                "lead-3, converted: **100.0%**. Of no known source six deals came to demo or past it: 5,000 + 8,000 + "
                "2,000 USD x 0.90 + 10,000 + 4,000 + 2,500 = **31,300.00**; of these opportunity-5 and -3 are won, "
                "10,000 + 2,000 USD x 0.95 = **11,900.00**.",
            ),
        ),
    ),
    "stage-flow": Explanation(
        "Deals that advanced over deals that entered the stage (KPI Tree). Counted in one period these are not the "
        "same deals, and the share can pass 100 %.",
        "Of the deals present in the stage in the period, also those that came before: a share of the same deals, "
        "never above 1.",
        (
            Example(
                QUARTER,
                "In need were six deals, of which opportunity-5, -6 and -9 came to demo: 3 / 6 = **50.0%**; "
                "opportunity-8 was lost. In offer were three, of which opportunity-3 was won: 1 / 3 = **33.3%**.",
            ),
        ),
    ),
    "time-in-stage": Explanation(
        "HubSpot's properties Latest time in and Cumulative time in a stage, of those that left it; mostly shown as "
        "a mean of what is over (Brainshark's stage to stage duration).",
        "The median by Kaplan and Meier, in which deals that still wait count as far as they got: a mean of what is "
        "over leaves out the slowest. It stands beside.",
        (
            Example(
                HALF,
                "Of four stays in offer two ended, after 14 and 35 days, and two go on, at 49 and 57. After 14 days "
                "3 of 4 go on; after 35 days 3/4 x 2/3 = 1/2: the median is **35.0** days. Of those that ended alone "
                "it is (14 + 35) / 2 = **24.5**.",
            ),
        ),
    ),
    "transitions": Explanation(
        "Salesforce's report of the opportunity history: one line a change of the stage, from and to.",
        "Counted, with won and lost as places of their own; what was merged or deleted is left out with all its moves.",
        (
            Example(
                QUARTER,
                "opportunity-5, -6 and -9 went from need to demo: **3** moves. opportunity-5 was won from demo, "
                "opportunity-3 from offer, opportunity-8 was lost from need.",
            ),
        ),
    ),
    "velocity": Explanation(
        "Opportunities x win rate x mean deal size / length of the cycle (KPI Tree, and common in sales operations); "
        "of which period each factor is, is mostly left open.",
        "The same formula, all of one period: open at its end, closed in it. What was won and taken back since is in "
        "no factor, and shown.",
        (
            Example(
                f"{HALF} {EUROS}",
                "3 of 5 decided were won, for (6,000 + 10,000 + 1,900) / 3 = **5,966.67**, after 35, 49 and 63 days, "
                "**49.0** in the mean: 6 x 0.6 x 5,966.67 / 49 = **438.37** euros a day.",
            ),
        ),
    ),
    "waterfall": Explanation(
        "Salesforce's Pipeline Inspection and HubSpot's waterfall: new, moved in and out, increased, decreased, won "
        "and lost between two looks at the pipeline.",
        "Fact by fact, so that a deal that grew and was then lost did both; deal by deal as there in mode net. The "
        "buckets come to the closing value to the minor unit; rates and handovers have buckets of their own.",
        (
            Example(
                f"{QUARTER} {EUROS}",
                "12,800 + 16,350 created + 4,000 of line items + 5,000 reopened + 100 (2,000 USD at 0.95 in the "
                "place of 0.90) - 11,900 won - 3,000 lost = **23,350.00**.",
            ),
        ),
    ),
    "weighted": Explanation(
        "Amount x probability: HubSpot's weighted amount by the stage's probability, Salesforce's expected revenue "
        "by the opportunity's own.",
        "Judged by hand where somebody did, else by the stage in the version that the deal is under, as known then; "
        "not rounded before the sum.",
        (
            Example(
                "",
                "0.1 x 5,000 = **500.00** in need, 0.3 x 2,500 = **750.00** in demo, 0.6 x 13,000 = **7,800.00** in "
                "offer; and 0.1 x 3,000 = **300.00** dollars.",
            ),
        ),
    ),
    "win-curve": Explanation(
        "Win rates are curves, not numbers (Funnelcast): the share won by an age, by the methods of survival analysis. "
        "Plainer is the share closed within 30, 60 or 90 days, of deals at least so old (Hanowell, in Gelman's "
        "blog).",
        "The plain shares, at every age, won and lost beside each other, each of the deals that have reached the "
        "age: anybody can count them. How many these are stands in the row, because they become few. Kaplan and Meier "
        "are in the metric sales-cycle.",
        (
            Example(
                f"{HALF} --mode months",
                "60 days ago or earlier 8 deals were opened. At 60 days opportunity-1 (won after 35) and -5 (49), 2 / "
                "8 = **25.0%**, were won, opportunity-2 (lost after 35) and -8 (56) lost, 4 open: **50.0%**. 120 days "
                "old are opportunity-1, -2, -3 and, of 2 March, -4: by then the first and the third (63) were won, the "
                "second was lost, and opportunity-4, won after 28 days and reopened, counts as open.",
            ),
        ),
    ),
    "win-rate": Explanation(
        "Won over closed, by the close date; or won over all that was created, the open ones included (Varicent "
        "calls them close rate and created win rate; Brainshark's cohort-based close rate is the second).",
        "Both, by count and by amount, but a cohort's too is of those decided, with the share undecided beside it: "
        "with the open ones in it a young cohort looks bad. What was taken back is in no rate, and shown.",
        (
            Example(
                f"{HALF} {EUROS} --by quarter",
                "In the second quarter 2 were won of 3 decided: **66.7%**; by amount 11,900 / (11,900 + 3,000) = "
                "**79.9%**. opportunity-4, won in March, was reopened in May: it is in no rate of the first quarter, "
                "and its **5,000.00** are shown as reversed.",
            ),
            Example(
                f"{HALF} {EUROS} --by team",
                "bob was of north when he lost opportunity-2 in February, and of south since April: north lost 4,000 "
                "+ 3,000 = **7,000.00**. (`--attribute moment` would give the 4,000 to south.) opportunity-5 was won "
                "by both, north with 6,000 + 6,000 = **12,000.00**, south with 4,000 + 1,900 = **5,900.00**: "
                "together the 17,900 that were won.",
            ),
            Example(
                f"{HALF} {EUROS} --mode cohort",
                "Of 11 deals opened 3 are won and 2 lost: 5 / 11 = **45.5%** are decided, and of these 3 / 5 = "
                "**60.0%** won.",
            ),
        ),
    ),
}
