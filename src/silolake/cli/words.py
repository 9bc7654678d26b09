"""One sentence for each command: its help, and what ``silolake --help`` lists without importing it."""

SENTENCES = {
    "up": "Start the local cloud.",
    "down": "Stop the local cloud; what it acknowledged stays.",
    "status": "Tell whether the local cloud is up, and where it answers.",
    "reset": "Remove the local cloud's state.",
    "env": "Print what a shell needs to reach the local cloud as somebody.",
    "doctor": "Tell what is missing on this machine or in this workspace.",
    "init": "Lay out the rooms of a new workspace.",
    "bootstrap": "Prepare the organization once, with the management account's credentials.",
    "plan": "Show what apply would do; change nothing.",
    "apply": "Bring the lake to what this workspace declares.",
    "rollback": "Bring the lake back to what an earlier commit declares.",
    "run": "Run one notebook in its target's credentials.",
    "runs": "List and show runs.",
    "query": "Ask Athena one question.",
    "why": "Tell why IAM allows or denies.",
    "lint": "Check the rooms and the run notebooks.",
    "test": "Hold samples against their contracts and views against their cases.",
    "graph": "Draw what runs after what.",
    "demo": "Show the whole example: provision, deliver, run, ask, deny.",
}
